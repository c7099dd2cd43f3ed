"""Where the base is and how it moves, from anchored kinematics and the IMU. No ground truth.

Anchored (three or more anchors believed engaged): the pose is the rigid fit of the measured feet to the anchor points;
the IMU velocity must agree with it, and the disagreement (`innovation_m_s`) is how a loss of all anchors at once shows,
since the feet then keep their places in the base frame while the whole robot moves (Philae's SD2 case, D13).
Free: gyro and accelerometer are integrated from the last good state; standing feet bring the velocity back to rest.
A reading that is not finite is a gap: what it would have changed stays as it was for that period.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.control.rotation import fit
from stope.robot.messages import Observation, Vector
from stope.robot.solve3 import solve3

Bools = npt.NDArray[np.bool_]

SETTLE_S = 0.3  # time constant with which anchored kinematics corrects the IMU velocity
CONTACT_N = 0.5  # a foot stands above this filtered force (2.5 sigma of the limb force sensor)
FORCE_FILTER_S = 0.04
RIGID_FIT = 3  # anchors that fix a pose
STANDING_FEET = 2
STANDING_S = 0.5  # standing feet bring the integrated velocity to rest with this time constant


@dataclass(frozen=True, slots=True)
class BaseEstimate:
    """What is believed of the base, site frame.

    Attributes:
        position_m: (3,); rotation: (3, 3) base to site; velocity_m_s, angular_rad_s: (3,).
        innovation_m_s: IMU velocity minus what anchored kinematics says, (3,); zero while free.
        residual_m: misfit of feet to anchor points; 0 while free.
        limb_force_n: (L, 3) filtered force of the ground on the feet, base frame.
        contact: (L,) bool, feet that carry load.
        anchored: whether the pose rests on anchors.
    """

    position_m: Vector
    rotation: Vector
    velocity_m_s: Vector
    angular_rad_s: Vector
    innovation_m_s: Vector
    residual_m: float
    limb_force_n: Vector
    contact: np.ndarray
    anchored: bool

    @property
    def climb_m_s(self) -> float:
        """Speed away from the ground, along the base's z."""
        return float(self.velocity_m_s @ self.rotation[:, 2])


class Estimator:
    """Base pose and velocity.

    Args:
        position_m, rotation, velocity_m_s: the hand-over state from navigation.
        gravity_m_s2: (3,) believed effective gravity at the site.
        period_s: control period.
        clamps: (L,) bool, limbs whose grip alone fixes the base (the rig's clamp).
    """

    def __init__(
        self,
        position_m: Vector,
        rotation: Vector,
        velocity_m_s: Vector,
        gravity_m_s2: Vector,
        period_s: float,
        clamps: np.ndarray,
    ) -> None:
        limbs = len(clamps)
        self._clamps, self._any_clamp = clamps, bool(clamps.any())
        self._position, self._velocity = position_m.copy(), velocity_m_s.copy()
        self._rotation = rotation.copy(order="C")
        self._gravity, self._dt = gravity_m_s2, period_s
        self._force = np.zeros((limbs, 3))
        self._innovation = np.zeros(3)
        self._kinematic = np.zeros(3)
        self._contact = np.zeros(limbs, dtype=bool)
        self._held = self._fitted = False
        self._relied_on = np.zeros(limbs, dtype=bool)
        self.anchor_point_m = np.zeros((limbs, 3))

    def resume(self, position_m: Vector, rotation: Vector, limb_force_n: Vector) -> None:
        """Stand at this pose, at rest: an anchored robot whose host was away has not moved.

        Args:
            limb_force_n: (L, 3) as read now; a filter that began at nothing would say that no anchor answers.
        """
        self._position, self._rotation = position_m.copy(), rotation.copy(order="C")
        self._velocity = np.zeros(3)
        self._force = np.where(np.isfinite(limb_force_n), limb_force_n, 0.0)

    def mark_anchor(self, limb: int, foot_base_m: Vector) -> None:
        """The limb's gripper has engaged: remember where, in the site frame."""
        self.anchor_point_m[limb] = self._position + self._rotation @ foot_base_m

    def misfit_m(self, feet_base_m: Vector, engaged: np.ndarray) -> Vector:
        """(L,) distance of each engaged foot from its anchor point, m; 0 for others and while nothing is fitted."""
        if not self._fitted:
            return np.zeros(len(engaged))
        return np.asarray(_misfit(self._position, self._rotation, feet_base_m, self.anchor_point_m, engaged))

    def trust_kinematics(self) -> None:
        """The IMU was found to be wrong: velocity is what the anchored feet say, and nothing is held against them."""
        self._velocity[:], self._innovation[:] = self._kinematic, 0.0

    def update(self, obs: Observation, feet_base_m: Vector, engaged: np.ndarray) -> BaseEstimate:
        """Advance by one control period.

        Args:
            feet_base_m: (L, 3) measured feet; engaged: (L,) anchors that are believed to hold.
        """
        # Bytes of a short boolean array are counted and compared in a tenth of the time of its reductions.
        anchors = engaged.tobytes().count(1)
        clamped = self._any_clamp and bool((engaged & self._clamps).any())
        anchored = clamped or anchors >= RIGID_FIT
        if anchored and not clamped and (not self._fitted or engaged.tobytes() != self._relied_on.tobytes()):
            self._fitted = False  # the pose steps when an anchor joins or leaves the fit, and that is no motion
            self._rotation[:], self._position[:], _ = fit(feet_base_m[engaged], self.anchor_point_m[engaged])
        spin = np.empty(3)
        gyro, accel = obs.imu_gyro_rad_s, obs.imu_accel_m_s2
        if not math.isfinite(math.fsum((*gyro.tolist(), *accel.tolist()))):
            gyro, accel = np.zeros(3), -self._gravity @ self._rotation
        residual = _advance(
            self._position, self._rotation, self._velocity, self._innovation, self._force, self._kinematic,
            gyro, accel, obs.limb_force_n, self._gravity, feet_base_m, self.anchor_point_m,
            engaged, anchored, clamped, self._held, self._fitted, self._dt, self._contact, spin,
        )  # fmt: skip
        self._held, self._fitted, self._relied_on = anchored, anchored and not clamped, engaged
        return BaseEstimate(
            position_m=self._position.copy(),
            rotation=self._rotation.copy(),
            velocity_m_s=self._velocity.copy(),
            angular_rad_s=spin,
            innovation_m_s=self._innovation.copy(),
            residual_m=residual,
            limb_force_n=self._force.copy(),
            contact=self._contact.copy(),
            anchored=anchored,
        )


@njit(cache=True)
def _misfit(position: Vector, rotation: Vector, feet: Vector, anchor: Vector, engaged: Bools) -> Vector:
    """(L,) distance of each engaged foot from its anchor point."""
    out = np.zeros(feet.shape[0])
    for i in range(feet.shape[0]):
        if engaged[i]:
            square = 0.0
            for j in range(3):
                away = position[j] - anchor[i, j]
                for k in range(3):
                    away += rotation[j, k] * feet[i, k]
                square += away * away
            out[i] = np.sqrt(square)
    return out


@njit(cache=True)
def _advance(
    position: Vector, rotation: Vector, velocity: Vector, innovation: Vector, force: Vector, kinematic: Vector,
    gyro: Vector, accel: Vector, limb_force: Vector, gravity: Vector, feet: Vector, anchor: Vector, engaged: Bools,
    anchored: bool, clamped: bool, held: bool, fitted: bool, dt: float, contact: Bools, spin: Vector,
) -> float:  # fmt: skip
    """One period, in place; the residual of the fit. Compiled: as array operations it took a third of the tick."""
    standing = 0
    share = min(1.0, dt / FORCE_FILTER_S)
    for i in range(force.shape[0]):
        square = 0.0
        for j in range(3):
            if math.isfinite(limb_force[i, j]):
                force[i, j] += (limb_force[i, j] - force[i, j]) * share
            square += force[i, j] * force[i, j]
        contact[i] = square > CONTACT_N * CONTACT_N
        standing += contact[i]
    if not clamped:
        _turn(rotation, gyro * dt, True)
    for j in range(3):
        felt = rotation[j, 0] * accel[0] + rotation[j, 1] * accel[1] + rotation[j, 2] * accel[2]
        velocity[j] += (felt + gravity[j]) * dt
        spin[j] = rotation[j, 0] * gyro[0] + rotation[j, 1] * gyro[1] + rotation[j, 2] * gyro[2]
    if not anchored:
        still = max(0.0, 1.0 - dt / STANDING_S) if standing >= min(STANDING_FEET, force.shape[0]) else 1.0
        for j in range(3):
            innovation[j] = 0.0
            velocity[j] *= still
            position[j] += velocity[j] * dt
        return 0.0
    residual = 0.0
    kinematic[:] = 0.0
    if not clamped:
        before = position.copy()
        residual = _refine(rotation, position, feet, anchor, engaged)
        if fitted:
            for j in range(3):
                kinematic[j] = (position[j] - before[j]) / dt
    settle = min(1.0, dt / SETTLE_S)
    for j in range(3):
        if not held:  # what free integration has gathered in error is not news about the anchors
            velocity[j] = kinematic[j]
        innovation[j] += (velocity[j] - kinematic[j] - innovation[j]) * 0.5
        velocity[j] += (kinematic[j] - velocity[j]) * settle
    return residual


@njit(cache=True)
def _turn(rotation: Vector, vector: Vector, after: bool) -> None:
    """Turn `rotation` in place by a rotation vector: about body axes (`after`) or about site axes."""
    angle = np.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2)
    a, b = (np.sin(angle) / angle, (1.0 - np.cos(angle)) / angle**2) if angle > 1e-9 else (1.0, 0.5)
    x, y, z = vector[0], vector[1], vector[2]
    step = np.empty((3, 3))
    step[0, 0] = 1.0 - b * (y * y + z * z)
    step[1, 1] = 1.0 - b * (x * x + z * z)
    step[2, 2] = 1.0 - b * (x * x + y * y)
    step[0, 1], step[1, 0] = b * x * y - a * z, b * x * y + a * z
    step[0, 2], step[2, 0] = b * x * z + a * y, b * x * z - a * y
    step[1, 2], step[2, 1] = b * y * z - a * x, b * y * z + a * x
    old = rotation.copy()
    for i in range(3):
        for j in range(3):
            rotation[i, j] = 0.0
            for k in range(3):
                rotation[i, j] += old[i, k] * step[k, j] if after else step[i, k] * old[k, j]


@njit(cache=True)
def _refine(rotation: Vector, position: Vector, feet: Vector, anchor: Vector, engaged: Bools) -> float:
    """Rigid fit of feet to anchor points from a pose that is nearly right: one Gauss-Newton step. Residual, m."""
    count = 0
    body = np.zeros(3)
    site = np.zeros(3)
    for i in range(feet.shape[0]):
        if engaged[i]:
            count += 1
            body += feet[i]
            site += anchor[i]
    body /= count
    site /= count
    spread = np.zeros((3, 3))
    torque = np.zeros(3)
    b = np.empty(3)
    for i in range(feet.shape[0]):
        if engaged[i]:
            for j in range(3):
                b[j] = 0.0
                for k in range(3):
                    b[j] += rotation[j, k] * (feet[i, k] - body[k])
            a = anchor[i] - site
            torque[0] += b[1] * a[2] - b[2] * a[1]
            torque[1] += b[2] * a[0] - b[0] * a[2]
            torque[2] += b[0] * a[1] - b[1] * a[0]
            square = b[0] ** 2 + b[1] ** 2 + b[2] ** 2
            for j in range(3):
                spread[j, j] += square
                for k in range(3):
                    spread[j, k] -= b[j] * b[k]
    _turn(rotation, solve3(spread, torque), False)
    residual = 0.0
    for j in range(3):
        position[j] = site[j] - rotation[j, 0] * body[0] - rotation[j, 1] * body[1] - rotation[j, 2] * body[2]
    for i in range(feet.shape[0]):
        if engaged[i]:
            for j in range(3):
                miss = position[j] - anchor[i, j]
                for k in range(3):
                    miss += rotation[j, k] * feet[i, k]
                residual += miss * miss
    return math.sqrt(residual / count)
