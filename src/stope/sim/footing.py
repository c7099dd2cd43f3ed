"""What the ground does to the feet: pad contact, friction and the grip of the spines, as compliant forces.

Rigid constraints split a load over four feet as the solver pleases (research/physics.md 8.1); compliant forces split
it by stiffness, as hardware does, and their reaction is known exactly. One call per physics step for all feet.

Frames: world (= site) axes. Forces and torques are those of the ground on the robot.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from stope.robot.messages import AnchorPhase, Codes, Vector
from stope.robot.model import Gripper

CONTACT_STIFFNESS_N_M = 2.0e4  # rubber-backed pad on rock, assumed; soft enough for the 2 ms step with a 1 kg foot
CONTACT_DAMPING_NS_M = 120.0
FOOT = 1.0, 0.006  # what a limb's gripper carries at its end, kg and kg m2
GYRATION_M = 0.15  # of a robot that is clamped itself, assumed
DAMPING_RATIO = 0.5  # of an engaged gripper and what hangs on it, assumed
SLIP_RESIDUAL = 0.85  # share of the limit that a sliding array still holds: assumed
SLIP_FAILURE_M = 6.0e-3  # travel after which the array has left its asperities: one spine suspension stroke, assumed
SLIP_NOTICED_M = 0.5e-3  # travel at which the gripper's own sensor says SLIPPING


class FootState:
    """State of all feet, one row each. Named views of a few wide arrays that the kernel changes in place.

    Attributes:
        plane_point, plane_normal: (L, 3) tangent plane of the ground below each foot.
        grip_point, grip_rotation: (L, 3), (L, 3, 3) where the spines hold the pad.
        engagement: (L,) travel of the gripper's actuator, 0 open to 1 fully dragged in; strength grows with it.
        normal_n, shear_n: (L,) true strength at full engagement, drawn when the spines first bite.
        health: (L,) share of the spines still on their asperities; at 0 the grip is lost, the actuator still closed.
        slip_m: (L,) travel since engaged.
        stick_point: (L, 3) bristle of the friction contact; touching: (L,) 1 while in contact.
        press_n, pull_n, shear_load_n: (L,) parts of the result.
        sums: (2, 6) running sums of force and moment about the world origin: row 0 contact, row 1 grip.
    """

    def __init__(self, feet: int) -> None:
        self._ground = np.zeros((feet, 6))
        self._grip = np.zeros((feet, 17))
        self._contact = np.zeros((feet, 4))
        self._loads = np.zeros((feet, 3))
        self.sums = np.zeros((2, 6))
        self.plane_point, self.plane_normal = self._ground[:, :3], self._ground[:, 3:]
        self.grip_point, self.grip_rotation = self._grip[:, :3], self._grip[:, 3:12].reshape(feet, 3, 3)
        self.engagement, self.normal_n, self.shear_n = self._grip[:, 12], self._grip[:, 13], self._grip[:, 14]
        self.health, self.slip_m = self._grip[:, 15], self._grip[:, 16]
        self.stick_point, self.touching = self._contact[:, :3], self._contact[:, 3]
        self.press_n, self.pull_n, self.shear_load_n = self._loads.T
        self.plane_point[:] = -1e3
        self.plane_normal[:, 2] = 1.0
        self.grip_rotation[:] = np.eye(3)
        self.health[:] = 1.0

    @property
    def packed(self) -> tuple[Vector, Vector, Vector, Vector, Vector]:
        """The wide arrays, for the kernel."""
        return self._ground, self._grip, self._contact, self._loads, self.sums


class Feet(NamedTuple):
    """What the kernel knows of the feet: arrays of `FootState`, stiffness and damping (L, 5), pad friction."""

    ground: Vector
    grip: Vector
    contact: Vector
    loads: Vector
    sums: Vector
    stiffness: Vector
    friction: float


class Footing:
    """Pads and grippers of one robot on one ground.

    Args:
        grippers: one per limb.
        friction: Coulomb coefficient of pad on ground.
        behind: mass and inertia that each gripper holds, kg and kg m2, which its damping is for; `FOOT` each if None.
    """

    def __init__(
        self, grippers: list[Gripper], friction: float, behind: list[tuple[float, float]] | None = None
    ) -> None:
        self.state = FootState(len(grippers))
        self._friction = friction
        behind = behind if behind is not None else [FOOT] * len(grippers)
        self._stiffness = np.array(
            [
                (g.stiffness_n_m, g.stiffness_nm_rad, g.moment_capacity_nm,
                 2.0 * DAMPING_RATIO * math.sqrt(g.stiffness_n_m * kg),
                 2.0 * DAMPING_RATIO * math.sqrt(g.stiffness_nm_rad * kg_m2))
                for g, (kg, kg_m2) in zip(grippers, behind, strict=True)
            ]
        )  # fmt: skip

    def react(self, points: Vector, wrench: Vector) -> None:
        """Force and torque of the ground on each foot.

        Args:
            points: (>= L, 18) rows of world position, rotation, velocity and spin, feet first (see `tree.Tree`).
            wrench: (>= L, 6) rows that receive force and torque.
        """
        feet_react(points, wrench, self.packed)

    @property
    def packed(self) -> Feet:
        """All arrays of the feet, for the kernel."""
        return Feet(*self.state.packed, self._stiffness, self._friction)

    @property
    def any_free(self) -> bool:
        """Whether any foot is held by no spine."""
        return bool(_any_free(self.state.packed[1]))

    def grip(self, foot: int, position: Vector, rotation: Vector, normal_n: float, shear_n: float) -> None:
        """The spines of an open gripper bite here, with this true strength at full engagement."""
        s = self.state
        s.grip_point[foot], s.grip_rotation[foot] = position, rotation
        s.normal_n[foot], s.shear_n[foot] = normal_n, shear_n
        s.health[foot], s.slip_m[foot] = 1.0, 0.0

    def open(self, foot: int) -> None:
        """The actuator has opened the gripper."""
        s = self.state
        s.engagement[foot], s.health[foot], s.slip_m[foot] = 0.0, 1.0, 0.0

    def tear_off(self, foot: int) -> None:
        """The spines leave the rock at once, the actuator stays where it is: what its sensors say does not change."""
        self.state.health[foot] = 0.0

    def phases(self, drive: Codes, jammed: np.ndarray) -> Codes:
        """What each gripper's own travel and slip sensors say, as `AnchorPhase` codes (L,)."""
        s = self.state
        phase = np.full(len(s.engagement), int(AnchorPhase.OPEN), dtype=np.int8)
        partly = (s.engagement > 0.0) & (s.engagement < 1.0)
        phase[partly & (drive >= 0)] = AnchorPhase.ENGAGING
        phase[partly & (drive < 0)] = AnchorPhase.RELEASING
        phase[s.engagement >= 1.0] = AnchorPhase.ENGAGED
        phase[(s.engagement >= 1.0) & (s.slip_m > SLIP_NOTICED_M)] = AnchorPhase.SLIPPING
        phase[jammed & (drive < 0)] = AnchorPhase.JAMMED
        return phase


@njit(cache=True)
def feet_react(points: Vector, wrench: Vector, feet: Feet) -> None:
    """`Footing.react`, compiled."""
    ground, grip, contact, loads, sums, stiffness, friction = feet
    nothing = np.zeros(3)
    for i in range(ground.shape[0]):
        x, v, n = points[i, 0:3], points[i, 12:15], ground[i, 3:6]
        force, torque = wrench[i, 0:3], wrench[i, 3:6]
        depth = 0.0
        speed = 0.0
        for j in range(3):
            force[j] = 0.0
            torque[j] = 0.0
            loads[i, j] = 0.0
            depth += (ground[i, j] - x[j]) * n[j]
            speed += v[j] * n[j]
        gripped = grip[i, 12] > 0.0 and grip[i, 15] > 0.0
        if depth > 0.0:  # unilateral spring and damper along the normal
            press = max(0.0, CONTACT_STIFFNESS_N_M * depth - CONTACT_DAMPING_NS_M * speed)
            loads[i, 0] = press
            for j in range(3):
                force[j] = press * n[j]
            if not gripped:
                _rub(x, v, n, friction * press, contact[i], force)
            _sum_up(sums[0], x, force, nothing)
        else:
            contact[i, 3] = 0.0
        if gripped:
            pulled = np.zeros(3)
            _hold(x, v, n, stiffness[i], friction, grip[i], loads[i], pulled)
            _hold_turn(points[i, 3:12], points[i, 15:18], stiffness[i], grip[i], torque)
            _sum_up(sums[1], x, pulled, torque)
            for j in range(3):
                force[j] += pulled[j]


@njit(cache=True)
def _any_free(grip: Vector) -> bool:
    free = False
    for i in range(grip.shape[0]):
        free |= grip[i, 12] == 0.0 or grip[i, 15] == 0.0
    return free


@njit(cache=True)
def _sum_up(total: Vector, x: Vector, f: Vector, t: Vector) -> None:
    for j in range(3):
        total[j] += f[j]
    total[3] += x[1] * f[2] - x[2] * f[1] + t[0]
    total[4] += x[2] * f[0] - x[0] * f[2] + t[1]
    total[5] += x[0] * f[1] - x[1] * f[0] + t[2]


@njit(cache=True)
def _rub(x: Vector, v: Vector, n: Vector, limit: float, contact: Vector, force: Vector) -> None:
    """Coulomb friction by a bristle that slides when it would carry more than `limit`."""
    if contact[3] == 0.0:
        contact[3] = 1.0
        for j in range(3):
            contact[j] = x[j]
    along_d = 0.0
    along_v = 0.0
    for j in range(3):
        along_d += (x[j] - contact[j]) * n[j]
        along_v += v[j] * n[j]
    size = 0.0
    f = np.zeros(3)
    for j in range(3):
        d = x[j] - contact[j] - along_d * n[j]
        f[j] = -CONTACT_STIFFNESS_N_M * d - CONTACT_DAMPING_NS_M * (v[j] - along_v * n[j])
        size += f[j] * f[j]
    size = np.sqrt(size)
    if size > limit:
        for j in range(3):
            f[j] *= limit / size
            contact[j] = x[j] + f[j] / CONTACT_STIFFNESS_N_M
    for j in range(3):
        force[j] += f[j]


@njit(cache=True)
def _hold(
    x: Vector, v: Vector, n: Vector, stiffness: Vector, friction: float, grip: Vector, loads: Vector, f: Vector,
) -> None:  # fmt: skip
    """Spring to where the spines hold, inside the half-ellipsoid of `physics.anchoring.utilisation`.

    The gripper resists pull (away from the ground) and shear; compression is the pad's business.
    """
    engagement, health = grip[12], grip[15]
    k, c = stiffness[0] * engagement, stiffness[3] * engagement
    along = 0.0
    for j in range(3):
        f[j] = -k * (x[j] - grip[j]) - c * v[j]
        along += f[j] * n[j]
    pull = -along
    square = 0.0
    for j in range(3):
        square += (f[j] - along * n[j]) ** 2
    shear = np.sqrt(square)
    normal_limit = max(grip[13] * engagement * health, 1e-9)
    shear_limit = max(grip[14] * engagement * health, 1e-9)
    if pull > 0.0:
        used = np.sqrt((pull / normal_limit) ** 2 + (shear / shear_limit) ** 2)
    else:
        used = shear / (shear_limit - friction * pull)
    if used > 1.0:
        # Slide: the spines drag to where the spring carries what a sliding array still holds.
        # Pressed on, only the shear slides: what presses is not the spines' to give up.
        keep = SLIP_RESIDUAL / used
        stays = along if pull <= 0.0 else 0.0
        square = 0.0
        for j in range(3):
            f[j] = keep * (f[j] - stays * n[j]) + stays * n[j]
            target = x[j] + (f[j] + c * v[j]) / k
            square += (target - grip[j]) ** 2
            grip[j] = target
        pull *= keep if pull > 0.0 else 1.0
        shear *= keep
        if engagement >= 1.0:  # while they are dragged in, sliding is how spines find asperities
            grip[16] += np.sqrt(square)
            grip[15] = max(0.0, 1.0 - grip[16] / SLIP_FAILURE_M)
    loads[1] = pull
    loads[2] = shear


@njit(cache=True)
def _hold_turn(rotation: Vector, spin: Vector, stiffness: Vector, grip: Vector, torque: Vector) -> None:
    """Rotational spring of the pad toward its orientation when it bit, up to its moment capacity."""
    engagement = grip[12]
    r, a = rotation, grip[3:12]
    # half the antisymmetric part of R A^T is the rotation vector, for the small angles that a pad turns
    turn = np.zeros(3)
    for j in range(3):
        turn[0] += 0.5 * (r[6 + j] * a[3 + j] - r[3 + j] * a[6 + j])
        turn[1] += 0.5 * (r[j] * a[6 + j] - r[6 + j] * a[j])
        turn[2] += 0.5 * (r[3 + j] * a[j] - r[j] * a[3 + j])
    size = 0.0
    for j in range(3):
        torque[j] = engagement * (-stiffness[1] * turn[j] - stiffness[4] * spin[j])
        size += torque[j] * torque[j]
    size = np.sqrt(size)
    capacity = stiffness[2] * engagement * grip[15]
    if size > capacity:  # the pad peels and seats itself where it now stands
        for j in range(3):
            torque[j] *= capacity / size
        for j in range(9):
            a[j] = r[j]
