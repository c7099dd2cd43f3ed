"""What the ground does to the feet: pad contact, friction and the grip of the spines, as compliant forces.

Rigid constraints split a load over four feet as the solver pleases (research/physics.md 8.1); compliant forces split
it by stiffness, as hardware does, and their reaction is known exactly. One call per physics step for all feet.

Frames: world (= site) axes. Forces and torques are those of the ground on the robot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from stope.robot.messages import AnchorPhase, Codes, Vector
from stope.robot.model import Gripper

CONTACT_STIFFNESS_N_M = 2.0e4  # rubber-backed pad on rock, assumed; soft enough for the 2 ms step with a 1 kg foot
CONTACT_DAMPING_NS_M = 120.0
GRIP_DAMPING_NS_M = 220.0  # half of critical for the 1 kg foot at 5e4 N/m
GRIP_DAMPING_NMS_RAD = 0.6
SLIP_RESIDUAL = 0.85  # share of the limit that a sliding array still holds: assumed
SLIP_FAILURE_M = 6.0e-3  # travel after which the array has left its asperities: one spine suspension stroke, assumed
SLIP_NOTICED_M = 0.5e-3  # travel at which the gripper's own sensor says SLIPPING


@dataclass
class FootState:
    """State of all feet, one row each; arrays are changed in place by the kernel.

    Attributes:
        plane_point, plane_normal: (L, 3) tangent plane of the ground below each foot.
        grip_point, grip_quaternion: where the spines hold the pad.
        engagement: (L,) travel of the gripper's actuator, 0 open to 1 fully dragged in; strength grows with it.
        normal_n, shear_n: (L,) true strength at full engagement, drawn when the spines first bite.
        health: (L,) share of the spines still on their asperities; at 0 the grip is lost, though the actuator is closed.
        slip_m: (L,) travel since engaged.
        stick_point: (L, 3) bristle of the friction contact; touching: (L,) 1 while in contact.
        force_n, torque_nm: (L, 3) result; press_n, pull_n, shear_load_n: (L,) its parts.
        sums: (2, 6) running sums of force and moment about the world origin: row 0 contact, row 1 grip.
    """

    plane_point: Vector
    plane_normal: Vector
    grip_point: Vector
    grip_quaternion: Vector
    engagement: Vector
    normal_n: Vector
    shear_n: Vector
    health: Vector
    slip_m: Vector
    stick_point: Vector
    touching: Vector
    force_n: Vector
    torque_nm: Vector
    press_n: Vector
    pull_n: Vector
    shear_load_n: Vector
    sums: Vector

    @classmethod
    def open(cls, feet: int) -> FootState:
        """All grippers open, no ground known yet."""
        three, one = (feet, 3), (feet,)
        normal = np.zeros(three)
        normal[:, 2] = 1.0
        quaternion = np.zeros((feet, 4))
        quaternion[:, 3] = 1.0
        return cls(
            plane_point=np.full(three, -1e3),
            plane_normal=normal,
            grip_point=np.zeros(three),
            grip_quaternion=quaternion,
            engagement=np.zeros(one),
            normal_n=np.zeros(one),
            shear_n=np.zeros(one),
            health=np.ones(one),
            slip_m=np.zeros(one),
            stick_point=np.zeros(three),
            touching=np.zeros(one),
            force_n=np.zeros(three),
            torque_nm=np.zeros(three),
            press_n=np.zeros(one),
            pull_n=np.zeros(one),
            shear_load_n=np.zeros(one),
            sums=np.zeros((2, 6)),
        )


class Footing:
    """Pads and grippers of one robot on one ground.

    Args:
        grippers: one per limb.
        friction: Coulomb coefficient of pad on ground.
    """

    def __init__(self, grippers: list[Gripper], friction: float) -> None:
        self.state = FootState.open(len(grippers))
        self._friction = friction
        self._stiffness = np.array([g.stiffness_n_m for g in grippers])
        self._angular_stiffness = np.array([g.stiffness_nm_rad for g in grippers])
        self._moment_capacity = np.array([g.moment_capacity_nm for g in grippers])

    def react(self, position: Vector, quaternion: Vector, velocity: Vector, angular: Vector) -> None:
        """Compute `state.force_n` and `state.torque_nm` for feet at (L, 3), (L, 4), moving at (L, 3), (L, 3)."""
        s = self.state
        _react(
            position,
            quaternion,
            velocity,
            angular,
            s.plane_point,
            s.plane_normal,
            s.grip_point,
            s.grip_quaternion,
            s.engagement,
            s.normal_n,
            s.shear_n,
            s.health,
            s.slip_m,
            s.stick_point,
            s.touching,
            s.force_n,
            s.torque_nm,
            s.press_n,
            s.pull_n,
            s.shear_load_n,
            s.sums,
            self._stiffness,
            self._angular_stiffness,
            self._moment_capacity,
            self._friction,
        )

    def grip(self, foot: int, position: Vector, quaternion: Vector, normal_n: float, shear_n: float) -> None:
        """The spines of an open gripper bite here, with this true strength at full engagement."""
        s = self.state
        s.grip_point[foot], s.grip_quaternion[foot] = position, quaternion
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


@njit(cache=True)  # type: ignore[untyped-decorator]
def _react(
    position,
    quaternion,
    velocity,
    angular,
    plane_point,
    plane_normal,
    grip_point,
    grip_quaternion,
    engagement,
    normal_n,
    shear_n,
    health,
    slip_m,
    stick_point,
    touching,
    force_n,
    torque_nm,
    press_n,
    pull_n,
    shear_load_n,
    sums,
    stiffness,
    angular_stiffness,
    moment_capacity,
    friction,
):  # type: ignore[no-untyped-def]  # numba infers; shapes are those of `FootState`
    for i in range(position.shape[0]):
        n = plane_normal[i]
        x, v = position[i], velocity[i]
        for j in range(3):
            force_n[i, j] = 0.0
            torque_nm[i, j] = 0.0
        gripped = engagement[i] > 0.0 and health[i] > 0.0
        # Pad contact: unilateral spring and damper along the normal.
        depth = 0.0
        speed = 0.0
        for j in range(3):
            depth += (plane_point[i, j] - x[j]) * n[j]
            speed += v[j] * n[j]
        press = 0.0
        if depth > 0.0:
            press = max(0.0, CONTACT_STIFFNESS_N_M * depth - CONTACT_DAMPING_NS_M * speed)
            for j in range(3):
                force_n[i, j] += press * n[j]
            if not gripped:
                _friction(i, x, v, n, press, friction, stick_point, touching, force_n)
        else:
            touching[i] = 0.0
        _sum_up(sums[0], x, force_n[i], np.zeros(3))
        contact = force_n[i].copy()
        press_n[i] = press
        pull_n[i] = 0.0
        shear_load_n[i] = 0.0
        if gripped:
            _grip_force(
                i, x, v, n, stiffness[i], grip_point, engagement, normal_n, shear_n, health, slip_m, friction,
                force_n, pull_n, shear_load_n,
            )  # fmt: skip
            _grip_moment(
                i, quaternion[i], angular[i], angular_stiffness[i] * engagement[i],
                moment_capacity[i] * engagement[i] * health[i], grip_quaternion, torque_nm,
            )  # fmt: skip
            _sum_up(sums[1], x, force_n[i] - contact, torque_nm[i])


@njit(cache=True)  # type: ignore[untyped-decorator]
def _sum_up(total, x, f, t):  # type: ignore[no-untyped-def]
    for j in range(3):
        total[j] += f[j]
    total[3] += x[1] * f[2] - x[2] * f[1] + t[0]
    total[4] += x[2] * f[0] - x[0] * f[2] + t[1]
    total[5] += x[0] * f[1] - x[1] * f[0] + t[2]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _friction(i, x, v, n, press, friction, stick_point, touching, force_n):  # type: ignore[no-untyped-def]
    """Coulomb friction by a bristle that slides when it would carry more than friction times press."""
    if touching[i] == 0.0:
        touching[i] = 1.0
        for j in range(3):
            stick_point[i, j] = x[j]
    along_d = 0.0
    along_v = 0.0
    for j in range(3):
        along_d += (x[j] - stick_point[i, j]) * n[j]
        along_v += v[j] * n[j]
    size = 0.0
    f = np.zeros(3)
    for j in range(3):
        d = x[j] - stick_point[i, j] - along_d * n[j]
        w = v[j] - along_v * n[j]
        f[j] = -CONTACT_STIFFNESS_N_M * d - CONTACT_DAMPING_NS_M * w
        size += f[j] * f[j]
    size = np.sqrt(size)
    limit = friction * press
    if size > limit:
        for j in range(3):
            f[j] *= limit / size
            stick_point[i, j] = x[j] + f[j] / CONTACT_STIFFNESS_N_M
    for j in range(3):
        force_n[i, j] += f[j]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _grip_force(
    i, x, v, n, stiffness, grip_point, engagement, normal_n, shear_n, health, slip_m, friction,
    force_n, pull_n, shear_load_n,
):  # type: ignore[no-untyped-def]  # fmt: skip
    """Spring to where the spines hold, inside the half-ellipsoid of `physics.anchoring.utilisation`.

    The gripper resists pull (away from the ground) and shear; compression is the pad's business.
    """
    k = stiffness * engagement[i]
    f = np.zeros(3)
    along = 0.0
    for j in range(3):
        f[j] = -k * (x[j] - grip_point[i, j]) - GRIP_DAMPING_NS_M * engagement[i] * v[j]
        along += f[j] * n[j]
    pull = -along
    shear2 = 0.0
    for j in range(3):
        t = f[j] - along * n[j]
        shear2 += t * t
    shear = np.sqrt(shear2)
    holds = engagement[i] * health[i]
    normal_limit = max(normal_n[i] * holds, 1e-9)
    shear_limit = max(shear_n[i] * holds, 1e-9)
    if pull > 0.0:
        used = np.sqrt((pull / normal_limit) ** 2 + (shear / shear_limit) ** 2)
    else:
        used = shear / (shear_limit - friction * pull)
    if used > 1.0:
        # Slide: the spines drag to where the spring carries what a sliding array still holds.
        keep = SLIP_RESIDUAL / used
        moved2 = 0.0
        for j in range(3):
            f[j] *= keep
            target = x[j] + (f[j] + GRIP_DAMPING_NS_M * engagement[i] * v[j]) / k
            moved2 += (target - grip_point[i, j]) ** 2
            grip_point[i, j] = target
        pull *= keep
        shear *= keep
        if engagement[i] >= 1.0:  # while they are dragged in, sliding is how spines find asperities
            slip_m[i] += np.sqrt(moved2)
            health[i] = max(0.0, 1.0 - slip_m[i] / SLIP_FAILURE_M)
    for j in range(3):
        force_n[i, j] += f[j]
    pull_n[i] = pull
    shear_load_n[i] = shear


@njit(cache=True)  # type: ignore[untyped-decorator]
def _grip_moment(i, q, w, stiffness, capacity, grip_quaternion, torque_nm):  # type: ignore[no-untyped-def]
    """Rotational spring of the pad toward its orientation when it bit, up to its moment capacity."""
    a = grip_quaternion[i]
    # rotation from the gripped to the present orientation, q * conj(a), as a rotation vector (small angles)
    rx = -q[3] * a[0] + q[0] * a[3] - q[1] * a[2] + q[2] * a[1]
    ry = -q[3] * a[1] + q[0] * a[2] + q[1] * a[3] - q[2] * a[0]
    rz = -q[3] * a[2] - q[0] * a[1] + q[1] * a[0] + q[2] * a[3]
    rw = q[3] * a[3] + q[0] * a[0] + q[1] * a[1] + q[2] * a[2]
    turn = 2.0 if rw >= 0.0 else -2.0
    tx = -stiffness * turn * rx - GRIP_DAMPING_NMS_RAD * w[0]
    ty = -stiffness * turn * ry - GRIP_DAMPING_NMS_RAD * w[1]
    tz = -stiffness * turn * rz - GRIP_DAMPING_NMS_RAD * w[2]
    size = np.sqrt(tx * tx + ty * ty + tz * tz)
    keep = 1.0
    if size > capacity:
        # The pad peels and seats itself where it now stands.
        keep = capacity / max(size, 1e-12)
        for j in range(4):
            a[j] = q[j]
    torque_nm[i, 0] += keep * tx
    torque_nm[i, 1] += keep * ty
    torque_nm[i, 2] += keep * tz
