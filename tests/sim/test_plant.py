"""The plant: anchors as computed forces, the impulse book, the mass book, and failure that is never hidden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest_sim import PlantMaker, grip_all, idle

from stope.physics.excavation import LOAD_GYRATION
from stope.robot.model import RobotModel
from stope.robot.seam import PhysicsDivergedError
from stope.sim.cargo import LOAD_STEP_KG
from stope.sim.drums import drums_react

DRUM_KG, DRUM_KG_M2 = 1.6, 0.008  # of miner.urdf, empty


def run(plant, efforts, seconds):
    for _ in range(round(seconds * 1e6 / plant.step_us)):
        plant.step(efforts)


def lift(newtons: float, torque_y_nm: float = 0.0) -> np.ndarray:
    return np.array((0.0, 0.0, newtons, 0.0, torque_y_nm, 0.0))


def test_a_symmetric_lift_is_split_as_by_hand(make_plant: PlantMaker, miner: RobotModel) -> None:
    """60 N up at the middle of four equal, equally compliant anchors: 15 N each, by symmetry and statics."""
    plant = make_plant()
    grip_all(plant)
    plant.push(lift(60.0))
    run(plant, idle(miner), 2.0)
    pull = -plant.truth().foot_force_n[:, 2]
    assert pull == pytest.approx(np.full(4, 15.0), rel=0.03)
    assert pull.sum() == pytest.approx(60.0, rel=0.005)


def test_an_eccentric_lift_is_split_as_by_hand(make_plant: PlantMaker, miner: RobotModel) -> None:
    """Statics of four springs at (+-a, +-b) under 40 N at x = 0.1 m: f_i = F/4 (1 + x x_i / a^2), a = 0.5594 m."""
    plant = make_plant()
    grip_all(plant)
    plant.push(lift(40.0, torque_y_nm=-0.1 * 40.0))
    run(plant, idle(miner), 2.0)
    feet = plant._tree.point_m[:4]
    by_hand = 10.0 * (1.0 + 0.1 * feet[:, 0] / 0.5594**2)
    assert -plant.truth().foot_force_n[:, 2] == pytest.approx(by_hand, rel=0.06)


@pytest.mark.parametrize(
    ("pull", "holds"), [((0.0, 0.0, 99.0), True), ((0.0, 0.0, 101.0), False), ((100.0, 0.0, 100.0), False)]
)
def test_h05_the_limit_surface_decides(
    make_plant: PlantMaker, bench_rig: RobotModel, pull: tuple[float, float, float], holds: bool
) -> None:
    """One anchor of 100 N in every direction: 99 N hold, 101 N slip, 141 N at 45 degrees slip."""
    soft = replace(bench_rig.limbs[0].gripper, stiffness_n_m=5e4, moment_capacity_nm=1e4)
    model = replace(bench_rig, limbs=(replace(bench_rig.limbs[0], gripper=soft),))
    plant = make_plant(model, height_m=0.0, gravity_m_s2=0.0)
    grip_all(plant, 100.0, 100.0)
    arm = plant._tree.point_m[0] - plant._base[:3]
    for step in range(3_000):  # ramp: a step would overshoot, and overshoot is load
        force = min(1.0, step / 2_000) * np.array(pull)
        plant.push(np.concatenate((force, np.cross(arm, force))))
        plant.step(idle(model))
        if plant.footing.state.health[0] == 0.0:
            break
    assert bool(plant.footing.state.slip_m[0] == 0.0) is holds


def test_h06_the_reaction_is_read_back(make_plant: PlantMaker, miner: RobotModel) -> None:
    plant = make_plant()
    grip_all(plant)
    plant.push(lift(90.0))
    run(plant, idle(miner), 2.0)
    assert plant.truth().foot_force_n[:, 2].sum() == pytest.approx(-90.0, rel=0.005)


def test_h07_momentum_is_what_was_exchanged(make_plant: PlantMaker, miner: RobotModel) -> None:
    """Limbs swing, gas flows, feet touch: total momentum is the sum of the booked impulses to 1e-6."""
    plant = make_plant(height_m=0.01)
    gas = idle(miner, brake=False)._replace(thrust_n=np.full(4, 1.0))
    for step in range(2_500):
        swing = 4.0 * np.sin(2.0 * np.pi * 0.5 * step * 2e-3) * np.array([1.0] * 12 + [0.0] * 4)
        damped = swing - 8.0 * plant._dq
        plant.step(gas._replace(joint=damped))
    assert plant.impulses.exchanged_ns > 10.0
    assert plant.momentum_error() < 1e-6
    assert plant.impulses.raw_drift_ns > 0.0  # PyBullet's own error is there, was corrected and is on record


def test_free_swinging_limbs_do_not_move_the_centre_of_mass(make_plant: PlantMaker, miner: RobotModel) -> None:
    """Measured bare: 4 mm in 20 s at 240 Hz. The projection leaves what one step of position integration does."""
    plant = make_plant(height_m=1.0, gravity_m_s2=0.0)
    start = plant._tree.momentum[6:9].copy()
    for step in range(2_500):
        swing = 6.0 * np.sin(2.0 * np.pi * 0.5 * step * 2e-3) * np.array([1.0] * 12 + [0.0] * 4)
        plant.step(idle(miner, brake=False)._replace(joint=swing - 6.0 * plant._dq))
    drift = plant._tree.momentum[6:9] - start
    assert float(np.linalg.norm(drift)) < 1e-3
    assert float(np.abs(plant._tree.momentum[:3]).max()) < 1e-9


def test_a_lost_grip_does_not_show_in_the_grippers_sensors(make_plant: PlantMaker, miner: RobotModel) -> None:
    plant = make_plant()
    grip_all(plant)
    run(plant, idle(miner), 0.1)
    before = plant.sense().anchor_phase.copy()
    plant.footing.tear_off(0)
    run(plant, idle(miner), 0.1)
    assert (plant.sense().anchor_phase == before).all()
    assert plant.truth().strength_n[0].tolist() == [0.0, 0.0]


def test_slipping_is_counted_weakens_and_ends_in_loss(make_plant: PlantMaker, miner: RobotModel) -> None:
    plant = make_plant()
    grip_all(plant, 10.0, 10.0)
    plant.push(lift(80.0))
    run(plant, idle(miner), 0.5)
    assert (plant.footing.state.health == 0.0).all()
    assert (plant.footing.state.slip_m >= 6e-3).all()


def test_drums_move_mass_that_closes_the_book(make_plant: PlantMaker, miner: RobotModel) -> None:
    plant = make_plant(cover_m=0.11)
    grip_all(plant)
    drums = miner.drums
    assert drums is not None
    effort = np.zeros(16)
    for _ in range(1_500):
        for joint, sense in zip(drums.joints, drums.dig_sign, strict=True):
            effort[joint] = 0.6 * (sense * 1.0 - plant._dq[joint])
        brake = np.ones(16, dtype=bool)
        brake[list(drums.joints)] = False
        plant.step(idle(miner)._replace(joint=effort.copy(), brake=brake))
    error = plant.flow.error()
    assert error.moved_kg > 0.01
    assert error.accounts_ug == 0
    assert error.independent < 1e-9
    assert plant.drums is not None
    assert plant.drums.held_ug.min() > 0
    assert plant.momentum_error() < 1e-5
    # and what they hold turns with them: the control stack weighs it by that
    for name, held_ug in zip(drums.links, plant.drums.held_ug.tolist(), strict=True):
        mass, inertia, _ = plant._body.link_mass(plant._body.link(name, miner.base_link))
        load_kg = mass - DRUM_KG
        assert load_kg == pytest.approx(held_ug * 1e-9, abs=LOAD_STEP_KG)
        assert inertia[1] - DRUM_KG_M2 == pytest.approx(load_kg * (LOAD_GYRATION * drums.radius_m) ** 2, rel=1e-6)


def test_c06_counter_rotating_drums_cancel_their_horizontal_force(make_plant: PlantMaker) -> None:
    plant = make_plant(cover_m=0.11)
    drums = plant.drums
    assert drums is not None
    plant._around.look_around()
    drums.look(plant._tree.point_m[plant.rows.drums :], np.array((0.0, 1.0, 0.0)))
    rate = np.zeros(16)
    rate[drums.packed.joints] = drums.packed.sense
    fore, aft = wrench = np.zeros((2, 6))
    drums_react(plant._tree.points[plant.rows.drums :], np.array((0.0, 1.0, 0.0)), rate, 2e-3, drums.packed, wrench)
    assert abs(fore[0]) > 1e-4
    assert abs(fore[0] + aft[0]) < 0.05 * abs(fore[0])


def test_a_drum_meets_the_sum_over_its_width(make_plant: PlantMaker) -> None:
    """Half as wide a bite is half the force and half the ground, and turns the drum about the upright axis."""
    plant = make_plant(cover_m=0.11)
    drums, axle = plant.drums, np.array((0.0, 1.0, 0.0))
    assert drums is not None
    plant._around.look_around()
    points = plant._tree.points[plant.rows.drums :]
    drums.look(plant._tree.point_m[plant.rows.drums :], axle)
    rate, below = np.zeros(16), drums.packed.below
    rate[drums.packed.joints] = drums.packed.sense
    below[...] = below.mean(axis=1, keepdims=True)
    whole, left, right = np.zeros((3, 2, 6))
    drums_react(points, axle, rate, 2e-3, drums.packed, whole)
    cut_m3 = drums.packed.volume_m3.copy()
    half, ground = below.shape[1] // 2, below.copy()
    for wrench, clear in ((left, slice(half, None)), (right, slice(None, half))):
        below[...] = ground
        below[:, clear, 0] = -1.0
        drums_react(points, axle, rate, 2e-3, drums.packed, wrench)
    assert left + right == pytest.approx(whole, rel=1e-9, abs=1e-12)
    assert left[:, 0] == pytest.approx(whole[:, 0] / 2.0)
    assert left[:, 5] == pytest.approx(whole[:, 0] / 2.0 * 0.06)  # a quarter of the width beside the middle
    assert drums.packed.volume_m3 == pytest.approx(2.0 * cut_m3)


def test_gas_leaves_both_books(make_plant: PlantMaker, miner: RobotModel) -> None:
    plant = make_plant(height_m=1.0, gravity_m_s2=0.0)
    run(plant, idle(miner)._replace(thrust_n=np.full(4, 2.0)), 1.0)
    # 8 N for 1 s at 60 s specific impulse
    assert 0.5 - plant.flow.propellant_ug * 1e-9 == pytest.approx(8.0 / (60.0 * 9.80665), rel=1e-3)
    assert plant.flow.error().accounts_ug == 0
    assert plant._base[9] == pytest.approx(-8.0 / 48.3, rel=0.01)
    assert plant.momentum_error() < 1e-6


def test_no_thrust_without_propellant(make_plant: PlantMaker, miner: RobotModel) -> None:
    plant = make_plant(replace(miner, propellant_kg=0.001), height_m=1.0, gravity_m_s2=0.0)
    run(plant, idle(miner)._replace(thrust_n=np.full(4, 3.0)), 2.0)
    assert plant.flow.propellant_ug == 0
    assert plant.sense().propellant_kg < 3e-3  # a gauge has an offset
    speed = -plant._base[9]
    assert speed == pytest.approx(0.001 * 60.0 * 9.80665 / 48.3, rel=0.15)


def test_divergence_raises(make_plant: PlantMaker, miner: RobotModel) -> None:
    plant = make_plant(height_m=1.0, velocity_m_s=np.array((80.0, 0.0, 0.0)))
    with pytest.raises(PhysicsDivergedError, match=r"at 0\.010 s the base moved"):
        run(plant, idle(miner), 0.1)


def test_a_step_that_does_not_divide_is_refused(make_plant: PlantMaker) -> None:
    with pytest.raises(ValueError, match="does not divide"):
        make_plant(step_us=3_000)


def test_same_seed_same_sensors_and_other_seed_other_noise(make_plant: PlantMaker, miner: RobotModel) -> None:
    first, second, other = make_plant(seed=5), make_plant(seed=5), make_plant(seed=6)
    for plant in (first, second, other):
        run(plant, idle(miner), 0.02)
    assert (first.sense().joint_position == second.sense().joint_position).all()
    assert (first.sense().imu_accel_m_s2 == second.sense().imu_accel_m_s2).all()
    assert (first.sense().imu_accel_m_s2 != other.sense().imu_accel_m_s2).any()  # in steps: one axis may agree
    assert (first.sense().imu_gyro_rad_s != first.sense().imu_accel_m_s2).all()


def test_without_grippers_nothing_engages(make_plant: PlantMaker, miner: RobotModel) -> None:
    plant = make_plant(grippers_work=False)
    push = idle(miner)._replace(anchor=np.ones(4, dtype=np.int8), thrust_n=np.full(4, 2.0))
    run(plant, push, 1.0)
    assert plant.footing.state.press_n.sum() > 4.0
    assert (plant.footing.state.engagement == 0.0).all()
