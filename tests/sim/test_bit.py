"""The bit on a stand that does not move: chips, jams, cores, heat, wear and wander as the physics models have them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stope.mission.material import load_material
from stope.physics.drilling import core_drill_response, plug_torque_nm, wear_after
from stope.physics.drilling.coring import CoreBit
from stope.robot.model import RobotModel
from stope.sim.bit import HEAD_K, BitInGround
from stope.sim.stand import DrillStand, Drive
from stope.sim.truth import TrueGround

FULL_NM = 8.0


def ground(rock: str = "c_boulder_strong", seed: int = 1, **given: float) -> TrueGround:
    return replace(TrueGround.draw(load_material(rock), load_material("bennu_regolith"), seed), **given)


def drill(stand: DrillStand, seconds: float, weight_n: float = 60.0, spin: float = 12.0, hammer: float = 1.0) -> None:
    stand.run(Drive(0.0, weight_n, 150.0, spin, FULL_NM, hammer), seconds)


def on_the_ground(model: RobotModel, truth: TrueGround) -> DrillStand:
    stand = DrillStand(model, truth)
    stand.run(Drive(0.015, 0.0, 25.0, 12.0, FULL_NM, 0.0), 2.0)
    assert stand.weight_on_bit_n > 2.0
    return stand


def test_penetration_and_torque_are_the_coring_models(miner: RobotModel) -> None:
    truth = ground()
    stand = on_the_ground(miner, truth)
    drill(stand, 2.0)
    before = stand.bit.depth_m
    drill(stand, 10.0)
    assert miner.drill is not None
    bit = CoreBit(miner.drill.bit_outer_m, miner.drill.bit_inner_m, miner.drill.blow_energy_j, miner.drill.blow_rate_hz)
    assert stand.bit.collar_m is not None
    rock = truth.column(np.array(stand.bit.collar_m[:2]))[0]
    rate, torque = core_drill_response(60.0, stand.spindle_rad_s, rock.ucs_pa, rock.energy_ratio, bit)
    assert (stand.bit.depth_m - before) / 10.0 == pytest.approx(rate, rel=0.02)
    assert stand.bit.torque_nm == pytest.approx(torque, rel=0.02)
    assert stand.spindle_nm == pytest.approx(-torque, rel=0.02)


def test_chips_that_are_more_than_the_flights_carry_pack_and_stall_the_spindle(miner: RobotModel) -> None:
    stand = on_the_ground(miner, ground("c_boulder_weak", chip_fill=0.2))
    torques = []
    for _ in range(60):
        drill(stand, 0.5)
        torques.append(stand.spindle_nm)
    assert torques[0] < 0.6
    assert stand.spindle_rad_s < 3.0
    assert stand.bit.plug_m > 0.01
    assert max(torques) > 4.0


def test_the_torque_of_packed_chips_is_janssens(miner: RobotModel) -> None:
    truth = ground("s_rock")
    stand = on_the_ground(miner, truth)
    drill(stand, 100.0)  # deep enough for the plug
    assert miner.drill is not None
    free = -stand.bit.torque_nm
    plug = min(0.004, stand.bit.depth_m)
    stand.bit.jam(plug)
    drill(stand, 0.05)
    expected = plug_torque_nm(
        stand.bit.plug_m, stand.bit.radius_m, miner.drill.auger_gap_m, truth.chip_cohesion_pa, truth.chip_friction
    )
    assert -stand.bit.torque_nm - free == pytest.approx(float(expected), rel=0.1, abs=2e-3)


def test_a_jam_yields_to_turning_back_and_not_to_more_forward_torque(miner: RobotModel) -> None:
    stand = on_the_ground(miner, ground())
    drill(stand, 40.0)
    stand.bit.jam(0.03)
    drill(stand, 1.0)
    assert abs(stand.spindle_rad_s) < 0.1
    stand.run(Drive(-0.01, 0.0, 150.0, -6.0, FULL_NM, 0.0), 2.0)
    assert stand.spindle_rad_s < -5.0
    assert stand.bit.plug_m < 0.03


def test_turning_off_the_bottom_clears_the_flights(miner: RobotModel) -> None:
    stand = on_the_ground(miner, ground("c_boulder_weak", chip_fill=0.2))
    drill(stand, 20.0)
    packed = stand.bit.plug_m
    assert packed > 0.005
    stand.run(Drive(-0.01, 0.0, 150.0, 12.0, FULL_NM, 0.0), 0.5)
    stand.run(Drive(0.0, 0.0, 150.0, 12.0, FULL_NM, 0.0), 6.0)
    assert stand.bit.plug_m < 0.2 * packed


@pytest.mark.parametrize(
    ("rock", "torque_nm", "held"), [("c_boulder_strong", 1.0, True), ("s_rock", 1.0, False), ("s_rock", 6.0, True)]
)
def test_a_core_breaks_when_the_torque_passes_its_root(
    miner: RobotModel, rock: str, torque_nm: float, held: bool
) -> None:
    stand = on_the_ground(miner, ground(rock))
    drill(stand, 30.0)
    deep = stand.bit.depth_m
    drill(stand, 1.0, weight_n=5.0, spin=0.0)
    stand.run(Drive(0.0, 3.0, 150.0, -20.0, torque_nm, 0.0), 2.0)
    assert stand.bit.core_held_m == pytest.approx(deep if held else 0.0, abs=1e-4)
    stand.run(Drive(-0.02, 0.0, 150.0, 0.0, 1.0, 0.0), 4.0)
    assert stand.bit.core_held_m == pytest.approx(deep if held else 0.0, abs=1e-4)


def test_wear_is_archards_and_blunts_the_bit(miner: RobotModel) -> None:
    stand = on_the_ground(miner, ground())
    drill(stand, 2.0)
    before, start = stand.bit.wear, stand.bit.depth_m
    drill(stand, 30.0)
    assert miner.drill is not None
    bit = CoreBit(miner.drill.bit_outer_m, miner.drill.bit_inner_m, wear=before)
    advance = stand.bit.depth_m - start
    per_turn = advance / (30.0 * stand.spindle_rad_s / (2.0 * np.pi))
    assert stand.bit.wear == pytest.approx(float(wear_after(bit, 60.0, advance, per_turn)), rel=0.02)


def test_blows_heat_the_bit_and_rest_cools_it(miner: RobotModel) -> None:
    stand = on_the_ground(miner, ground("s_rock"))
    drill(stand, 60.0)
    hot = stand.bit.temperature_k
    assert hot > HEAD_K + 10.0
    stand.run(Drive(-0.01, 0.0, 150.0, 0.0, FULL_NM, 0.0), 300.0)
    assert stand.bit.temperature_k < 0.6 * hot + 0.4 * HEAD_K


def test_a_broken_bit_turns_lightly_and_cuts_nothing(miner: RobotModel) -> None:
    stand = on_the_ground(miner, ground())
    drill(stand, 5.0)
    whole, deep = stand.spindle_nm, stand.bit.depth_m
    stand.bit.snap()
    drill(stand, 2.0)
    assert stand.spindle_nm < 0.1 * whole
    assert stand.bit.depth_m == deep


def skid(miner: RobotModel, weight_n: float, slope: float = 0.2) -> float:
    """Wander of a bit that is held sideways by a spring of 10 kN/m, pressed on a slope until its hole guides it."""
    assert miner.drill is not None
    bit = BitInGround(miner.drill, ground())
    bit.open_hole((0.0, 0.0, 0.0), (0.0, 0.0, -1.0), 0.0, (slope, 0.0, np.sqrt(1.0 - slope**2)))
    point, wrench = np.zeros(18), np.zeros(6)
    point[3:12] = np.eye(3).ravel()
    for _ in range(20_000):
        point[2] = -bit.depth_m - weight_n / miner.drill.string_stiffness_n_m
        bit.react(point, 12.0, 0.002, wrench)
        point[0] += 0.05 * (wrench[0] / 1e4 - point[0])
        if bit.depth_m > 2e-3:
            break
    return bit.wander_m


def test_a_light_spud_in_wanders_less(miner: RobotModel) -> None:
    light, heavy = skid(miner, 10.0), skid(miner, 60.0)
    assert 0.0 < light < 0.3 * heavy
    assert skid(miner, 60.0, slope=0.0) == 0.0


def test_another_hole_is_begun_elsewhere(miner: RobotModel) -> None:
    stand = on_the_ground(miner, ground())
    drill(stand, 10.0)
    wear = stand.bit.wear
    stand.bit.leave_hole()
    stand.bit.open_hole((0.0, 0.0, -0.02), (0.0, 0.0, -1.0), 0.0)
    assert stand.bit.holes == 2
    assert stand.bit.depth_m == 0.0
    assert stand.bit.wear == wear
