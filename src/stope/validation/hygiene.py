"""H: what the simulator must get right before anything is built on it; and N03, what it costs.

The only module of this room that knows the simulator, and it does so when a case is run: without PyBullet these are
skipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from stope.clock import HostClock
from stope.validation.case import Absent

if TYPE_CHECKING:
    from stope.sim.bullet import BulletWorld
    from stope.sim.footing import Footing

Values = dict[str, float | bool | Absent]
STEP_US = 2_000
BENNU_ESCAPE_M_S = 0.20
MEAN_BENNU_M_S2 = 5.5e-5


@contextmanager
def _world(step_us: int = STEP_US) -> Iterator[BulletWorld]:
    try:
        from stope.sim.bullet import BulletWorld
    except ModuleNotFoundError as missing:
        raise Absent(f"needs {missing.name}: pip install 'stope[sim]'") from None
    world = BulletWorld(step_us)
    try:
        yield world
    finally:
        world.close()


def _run(world: BulletWorld, seconds: float) -> None:
    for _ in range(round(seconds * 1e6 / world.step_us)):
        world.step()


def _free_body() -> Values:
    with _world() as world:
        body = world.add_box(1.0, (0.1, 0.1, 0.1), (0.0, 0.0, 1.0), friction=0.5)
        world.set_velocity(body, (0.05, 0.0, 0.0), (0.0, 0.5, 0.0))
        _run(world, 60.0)
        return {"speed": float(np.linalg.norm(world.velocity(body)[0]))}


def _bounce() -> Values:
    found: Values = {}
    for name, speed in (("1 cm/s", 0.01), ("5 cm/s", 0.05), ("20 cm/s", 0.20)):
        with _world() as world:
            share = math.sqrt(0.60)  # PyBullet multiplies the restitutions of both bodies
            world.add_plane((0.0, 0.0, 1.0), 0.5, share)
            ball = world.add_ball(1.0, 0.1, (0.0, 0.0, 0.1017), 0.5, share)
            world.set_velocity(ball, (0.0, 0.0, -speed), (0.0, 0.0, 0.0))
            _run(world, 0.0017 / speed + 0.2)
            found[name] = float(world.velocity(ball)[0][2]) / speed
    return found


def _overlap() -> Values:
    with _world() as world:
        world.add_plane((0.0, 0.0, 1.0), 0.5)
        body = world.add_box(1.0, (0.1, 0.1, 0.1), (0.0, 0.0, 0.095), 0.5)
        world.set_gravity((0.0, 0.0, -MEAN_BENNU_M_S2))
        fastest = 0.0
        for _ in range(5_000):
            world.step()
            fastest = max(fastest, float(world.velocity(body)[0][2]))
    return {"share of escape speed": fastest / BENNU_ESCAPE_M_S}


def _flat_hop() -> Values:
    """The ball is let fly until it is below its start; the crossing is interpolated."""
    gravity, side = 8.1e-5, 0.05 * math.sqrt(0.5)
    with _world(5 * STEP_US) as world:
        ball = world.add_ball(1.0, 0.1, (0.0, 0.0, 0.0), 0.5)
        world.set_gravity((0.0, 0.0, -gravity))
        world.set_velocity(ball, (side, 0.0, side), (0.0, 0.0, 0.0))
        _run(world, 1.98 * side / gravity)  # no looking while it is high
        steps = round(1.98 * side / gravity * 1e6 / world.step_us)
        before = world.pose(ball)[0]
        while True:
            world.step()
            steps += 1
            after = world.pose(ball)[0]
            if after[2] <= 0.0:
                break
            before = after
        share = float(before[2] / (before[2] - after[2]))
        return {
            "time": (steps - 1 + share) * world.step_us * 1e-6,
            "range": float(before[0] + share * (after[0] - before[0])),
        }


def _anchor(strength_n: float) -> Footing:
    """One isotropic anchor at the origin, engaged, with no moment to speak of."""
    try:
        from stope.robot.model import Gripper
        from stope.sim.footing import Footing
    except ModuleNotFoundError as missing:
        raise Absent(f"needs {missing.name}: pip install 'stope[sim]'") from None
    gripper = Gripper("microspine", 256, 6.0, 1.0, 5e4, 100.0, 1e4, strength_n, strength_n, 0.05)
    footing = Footing([gripper], 0.5)
    footing.grip(0, np.zeros(3), np.eye(3), strength_n, strength_n)
    footing.state.engagement[0] = 1.0
    return footing


def _row(position: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """A foot's row for `Footing.react`: position, rotation, velocity, spin."""
    return np.concatenate([position, np.eye(3).reshape(-1), velocity, np.zeros(3)])[None, :]


def _limit_surface() -> Values:
    """The spring is stretched to the load; slip is what the footing itself reports."""

    def slips(pull_n: tuple[float, float, float]) -> bool:
        footing, wrench = _anchor(100.0), np.zeros((1, 6))
        for share in np.linspace(0.0, 1.0, 200):
            footing.react(_row(share * np.array(pull_n) / 5e4, np.zeros(3)), wrench)
        return bool(footing.state.slip_m[0] > 0.0)

    return {
        "holds 99 N": not slips((0.0, 0.0, 99.0)),
        "slips at 101 N": slips((0.0, 0.0, 101.0)),
        "slips at 141 N and 45 deg": slips((100.0, 0.0, 100.0)),
    }


def _read_back() -> Values:
    """A 10 kg box hangs on the anchor in PyBullet; 90 N are ramped up over a second and held for another."""
    with _world() as world:
        footing, wrench = _anchor(500.0), np.zeros((1, 6))
        box = world.add_box(10.0, (0.1, 0.1, 0.1), (0.0, 0.0, 0.0), 0.5)
        for step in range(1_000):
            at, moving = world.pose(box)[0], world.velocity(box)[0]
            footing.react(_row(np.asarray(at), np.asarray(moving)), wrench)
            pull = np.array((0.0, 0.0, 90.0 * min(1.0, step / 500.0)))
            world.push(box, (wrench[0, :3] + pull).tolist(), at.tolist())
            world.step()
        return {"reaction": -float(wrench[0, 2])}


def _momentum() -> Values:
    try:
        from stope.mission.material import load_material
        from stope.mission.shipped import find_data
        from stope.physics.site_field import SiteField
        from stope.robot.messages import Efforts
        from stope.robot.modelfile import load_robot
        from stope.sim.heightmap import HeightMap
        from stope.sim.plant import AsteroidPlant
        from stope.sim.states import StartPose
        from stope.sim.truth import TrueGround
    except ModuleNotFoundError as missing:
        raise Absent(f"needs {missing.name}: pip install 'stope[sim]'") from None
    miner = load_robot(find_data("robot", "miner"))
    start = StartPose(
        position_m=np.array((0.0, 0.0, miner.stance_height_m + 0.01)), quaternion=np.array((0.0, 0.0, 0.0, 1.0)),
        velocity_m_s=np.zeros(3), angular_rad_s=np.zeros(3), joint_position=np.array(miner.stance),
    )  # fmt: skip
    ground = TrueGround.draw(load_material("c_boulder_strong"), load_material("bennu_regolith"), 1)
    level = HeightMap(0.02, np.zeros((150, 150)), np.zeros((150, 150)))
    plant = AsteroidPlant(miner, SiteField.uniform(MEAN_BENNU_M_S2, 0.2), level, ground, start, STEP_US, 1)
    joints, limbs = len(miner.joints), len(miner.limbs)
    shape = np.array([1.0] * 12 + [0.0] * (joints - 12))
    velocity = np.zeros(joints)
    try:
        for step in range(2_500):
            swing = 4.0 * math.sin(2.0 * math.pi * 0.5 * step * STEP_US * 1e-6) * shape
            efforts = Efforts(
                swing - 8.0 * velocity, np.zeros(joints, dtype=bool), np.zeros(limbs, dtype=np.int8),
                np.full(len(miner.thrusters), 1.0),
            )  # fmt: skip
            velocity = np.asarray(plant.step(efforts).joint_velocity)
        if plant.impulses.exchanged_ns < 10.0:
            raise ValueError("the manoeuvre of case H07 exchanged less than 10 N s")
        return {"error": float(plant.momentum_error())}
    finally:
        plant.close()


def _slope() -> Values:
    slope, friction = math.radians(15.0), math.sqrt(0.6)  # PyBullet multiplies both bodies' coefficients
    normal = np.array((-math.sin(slope), 0.0, math.cos(slope)))
    with _world(5 * STEP_US) as world:  # an hour is long, and a coarse step is harder
        world.add_plane(normal.tolist(), friction)
        turn = (0.0, -math.sin(slope / 2.0), 0.0, math.cos(slope / 2.0))
        body = world.add_box(10.0, (0.2, 0.2, 0.1), (0.1 * normal).tolist(), friction, quaternion=turn)
        world.set_gravity((0.0, 0.0, -MEAN_BENNU_M_S2))
        start = world.pose(body)[0]
        _run(world, 3_600.0)
        moved = world.pose(body)[0] - start
    return {"creep": float(np.linalg.norm(moved)), "lift": abs(float(moved @ normal))}


def _grains() -> Values:
    """Spheres of 20 mm fall into a box under 1 g, settle for 2 s, and then half a second is timed."""
    step_us = 4_000  # the nearest to 240 Hz that divides the world's microseconds
    with _world(step_us) as world:
        world.add_plane((0.0, 0.0, 1.0), 0.5)
        for side in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            half = (0.01, 0.2, 0.5) if side[0] else (0.2, 0.01, 0.5)
            world.add_box(0.0, half, (0.17 * side[0], 0.17 * side[1], 0.5), 0.5)
        rng = np.random.default_rng(3)
        for k in range(500):
            cell = np.array((k % 7 - 3, k // 7 % 7 - 3, k // 49)) * 0.042 + rng.uniform(-5e-4, 5e-4, 3)
            world.add_ball(0.08, 0.02, (cell + np.array((0.0, 0.0, 0.03))).tolist(), 0.5)
        world.set_gravity((0.0, 0.0, -9.81))
        _run(world, 2.0)
        clock = HostClock()
        start = clock.now_s()
        _run(world, 0.5)
        return {"real-time factor": 0.5 / (clock.now_s() - start)}


CASES: dict[str, Callable[[], Values]] = {
    "H01": _free_body, "H02": _bounce, "H03": _overlap, "H04": _flat_hop, "H05": _limit_surface, "H06": _read_back,
    "H07": _momentum, "H08": _slope, "N03": _grains,
}  # fmt: skip
