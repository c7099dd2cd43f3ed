"""Where the base is and how it moves, from anchored kinematics and the IMU. No ground truth.

Anchored (three or more anchors believed engaged): the pose is the rigid fit of the measured feet to the anchor points;
the IMU velocity must agree with it, and the disagreement (`innovation_m_s`) is how a loss of all anchors at once shows,
since the feet then keep their places in the base frame while the whole robot moves (Philae's SD2 case, D13).
Free: gyro and accelerometer are integrated from the last good state; standing feet bring the velocity back to rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stope.control.rotation import exponential, fit
from stope.robot.messages import Observation, Vector

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
        self._clamps = clamps
        self._position, self._rotation, self._velocity = position_m.copy(), rotation.copy(), velocity_m_s.copy()
        self._gravity, self._dt = gravity_m_s2, period_s
        self._force = np.zeros((limbs, 3))
        self._innovation = np.zeros(3)
        self._last_fit: Vector | None = None
        self.anchor_point_m = np.zeros((limbs, 3))

    def mark_anchor(self, limb: int, foot_base_m: Vector) -> None:
        """The limb's gripper has engaged: remember where, in the site frame."""
        self.anchor_point_m[limb] = self._position + self._rotation @ foot_base_m

    def update(self, obs: Observation, feet_base_m: Vector, engaged: np.ndarray) -> BaseEstimate:
        """Advance by one control period.

        Args:
            feet_base_m: (L, 3) measured feet; engaged: (L,) anchors that are believed to hold.
        """
        self._force += (obs.limb_force_n - self._force) * min(1.0, self._dt / FORCE_FILTER_S)
        self._rotation = self._rotation @ exponential(obs.imu_gyro_rad_s * self._dt)
        self._velocity = self._velocity + (self._rotation @ obs.imu_accel_m_s2 + self._gravity) * self._dt
        contact = np.linalg.norm(self._force, axis=1) > CONTACT_N
        anchored, residual = int(engaged.sum()) >= RIGID_FIT, 0.0
        if bool((engaged & self._clamps).any()):
            anchored = True
            self._meet(np.zeros(3))
        elif anchored:
            residual = self._correct_by_anchors(feet_base_m[engaged], self.anchor_point_m[engaged])
        else:
            self._last_fit, self._innovation = None, np.zeros(3)
            if int(contact.sum()) >= STANDING_FEET:
                self._velocity = self._velocity * max(0.0, 1.0 - self._dt / STANDING_S)
            self._position = self._position + self._velocity * self._dt
        return BaseEstimate(
            position_m=self._position.copy(),
            rotation=self._rotation.copy(),
            velocity_m_s=self._velocity.copy(),
            angular_rad_s=self._rotation @ obs.imu_gyro_rad_s,
            innovation_m_s=self._innovation.copy(),
            residual_m=residual,
            limb_force_n=self._force.copy(),
            contact=contact,
            anchored=anchored,
        )

    def _correct_by_anchors(self, feet_m: Vector, anchors_m: Vector) -> float:
        rotation, position, residual = fit(feet_m, anchors_m)
        kinematic = np.zeros(3) if self._last_fit is None else (position - self._last_fit) / self._dt
        self._last_fit = position
        self._meet(kinematic)
        self._position, self._rotation = position, rotation
        return residual

    def _meet(self, kinematic_m_s: Vector) -> None:
        """Bring the IMU velocity to what anchored kinematics says, and keep the disagreement."""
        self._innovation += ((self._velocity - kinematic_m_s) - self._innovation) * 0.5
        self._velocity = self._velocity + (kinematic_m_s - self._velocity) * min(1.0, self._dt / SETTLE_S)
