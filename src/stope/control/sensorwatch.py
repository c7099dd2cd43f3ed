"""Whom to believe when sensors disagree: a frozen limb force sensor, a biased inertial unit, an anchor that is gone.

Each check holds two independent ways of knowing one quantity against each other, while the robot is anchored:

- a limb force sensor that says the same to the last bit, or nothing, is not measuring: its noise is gone. From then on
  the limb's force is what its joints' efforts say, f = -J^-T (tau - g);
- the accelerometer against all contact forces over the mass (feet and bit; both are specific forces, so gravity drops
  out), and the gyro against the turn of the fitted pose. A lasting difference is a bias: it is said and taken off. An
  acceleration that the forces confirm is motion, and never taken for a bias;
- what a limb is expected to pull (`answers`) against what it feels, and each foot against its anchor point, beyond
  what spines stretch and what the gripper's own slip sensor admits: an anchor that does not answer is not there any
  more.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit

from stope.control.estimator import BaseEstimate
from stope.control.kinematics import Kinematics
from stope.control.watch import Alarm
from stope.robot.messages import Observation, Vector
from stope.robot.model import RobotModel

FROZEN_S = 0.08  # eight equal readings in a row of a noisy sensor
ACCEL_BIAS_M_S2 = 0.05  # twenty sigma of the filtered difference; a third of what would pass for lost anchors
ACCEL_FILTER_S = 0.10
GYRO_BIAS_RAD_S = 0.005
GYRO_FILTER_S = 0.5
GYRO_SETTLED_S = 1.5  # three times the filter: the bias is known to a twentieth
TARE_S = 1.0  # after anchoring: what differs then is hoist, cable and the scale of the mass
UNNOTICED_M = 1.5e-3  # misfit of one foot; the fit shares a slip out, so the foot has gone about twice as far
UNNOTICED_S = 0.05
PLANNED_N = 3.0  # an anchor that is expected to pull harder than this must answer
ANSWER_SHARE = 0.25  # with at least this share of it
UNANSWERED_S = 0.30
QUIET_SHARE = 0.5  # of the difference: contact forces that changed by more than that are what differs, not the IMU
REFINE_S = 0.5  # over which a bias is averaged after it was found
PARDON_S = 2.0  # after a bias was taken off, what still looks like motion is motion


class SensorWatch:
    """Looks at every reading; mends what it can.

    Args:
        mass_kg: of the robot; light: whether weight is nothing (elsewhere hoists and cables hide a bias).
    """

    def __init__(self, model: RobotModel, mass_kg: float, period_s: float, light: bool) -> None:
        limbs = len(model.limbs)
        self._dt, self._mass, self._light = period_s, mass_kg, light
        self._names = [limb.name for limb in model.limbs]
        self._jointed = [i for i, limb in enumerate(model.limbs) if limb.joints]
        self._joints = [list(model.limbs[i].joints) for i in self._jointed]
        self._per_stiffness = np.array([1.0 / limb.gripper.stiffness_n_m for limb in model.limbs])
        self._last_force = np.zeros((limbs, 3))
        self._last_rotation, self._last_gyro = np.eye(3), np.zeros(3)
        self._frozen, self._astray, self._unanswered = np.zeros(limbs), np.zeros(limbs), np.zeros(limbs)
        self._longest = (0.0, 0.0, 0.0)  # of these three, in ticks
        # (5, 3) filtered differences of accelerometer and gyro, the accelerometer's tare, filtered contact forces over
        # the mass, last unfiltered difference of the accelerometer
        self._difference = np.zeros((5, 3))
        self._anchored_s = self._turning_s = 0.0
        self._pardoned_s = np.inf
        self._felt_n = np.zeros(limbs)
        self._refining, self._excess = 0, np.zeros(3)
        self._known = np.zeros(limbs, dtype=bool)
        self.accel_bias_m_s2, self.gyro_bias_rad_s = np.zeros(3), np.zeros(3)
        self._mending = self._refined = False

    @property
    def dropped_out(self) -> np.ndarray:
        """(L,) bool, limbs whose force sensor is not believed."""
        return self._known

    def mended(self, obs: Observation, kinematics: Kinematics) -> Observation:
        """The reading as it is to be believed; the reading itself while nothing is known to be wrong."""
        if not self._mending:
            return obs
        force = obs.limb_force_n
        if self._known.any():
            force = force.copy()
            for k, limb in enumerate(self._jointed):
                if self._known[limb]:
                    force[limb] = -np.linalg.solve(kinematics.jacobians[k].T, obs.joint_effort[self._joints[k]])
        return replace(
            obs,
            limb_force_n=force,
            imu_accel_m_s2=obs.imu_accel_m_s2 - self.accel_bias_m_s2,
            imu_gyro_rad_s=obs.imu_gyro_rad_s - self.gyro_bias_rad_s,
        )

    def look(
        self,
        raw: Observation,
        mended: Observation,
        estimate: BaseEstimate,
        misfit_m: Vector,
        planned_n: Vector,
        gas: bool = False,
    ) -> tuple[Alarm | None, int]:
        """The fault that this tick shows, and the limb whose anchor it takes away (-1: none).

        Args:
            raw, mended: the reading before and after `mended`; misfit_m: (L,) distance of each relied-on foot from
                its anchor point, 0 for others; planned_n: (L,) pull that each should be felt to pay (`answers`);
                gas: whether thrusters push, which no force sensor feels.
        """
        self._pardoned_s += self._dt
        self._felt_n = _sizes(estimate.limb_force_n)
        self._anchored_s = self._anchored_s + self._dt if estimate.anchored and not gas else 0.0
        self._longest = _compare(
            raw.limb_force_n, mended.limb_force_n, mended.imu_accel_m_s2, mended.imu_gyro_rad_s, raw.imu_gyro_rad_s,
            raw.weight_on_bit_n, estimate.rotation, self._last_force, self._last_rotation, self._last_gyro,
            self._frozen, self._astray, self._difference, misfit_m, estimate.limb_force_n, self._per_stiffness,
            raw.anchor_slip_m, planned_n, self._unanswered, self._anchored_s, self._mass, self._dt,
        )  # fmt: skip
        return self._frozen_limb() or self._slid() or self._biased() or (None, -1)

    @property
    def explains_motion(self) -> bool:
        """Whether what the IMU says is its own doing: contact forces do not confirm it, no bias was just forgiven."""
        by_accel, _, _, by_force, _ = _sizes(self._difference).tolist()
        if not self._light or by_force > QUIET_SHARE * max(by_accel, ACCEL_BIAS_M_S2):
            return False
        return self._refining > 0 or (self._pardoned_s > PARDON_S and by_accel > ACCEL_BIAS_M_S2)

    @property
    def just_refined(self) -> bool:
        """Whether the bias was corrected in this tick by what was averaged since it was found."""
        return self._refined

    def _refine(self) -> None:
        self._refined = self._refining == 1
        if self._refining == 0:
            return
        self._refining -= 1
        self._excess += self._difference[4]
        if self._refined:
            self.accel_bias_m_s2 += self._excess / round(REFINE_S / self._dt)
            self._difference[0] = 0.0

    def _frozen_limb(self) -> tuple[Alarm | None, int] | None:
        if self._longest[0] * self._dt < FROZEN_S:
            return None
        limb = int(self._frozen.argmax())
        lasted = float(self._frozen[limb]) * self._dt
        self._frozen[limb] = -np.inf
        self._known[limb] = self._mending = True
        return Alarm("limb_force.dropout", lasted, FROZEN_S, "s", blocking=False), -1

    def _slid(self) -> tuple[Alarm | None, int] | None:
        if self._longest[2] * self._dt >= UNANSWERED_S:
            # The limb across goes slack too, for balance, but its preload stays: the one that feels least is gone.
            slack = self._unanswered * self._dt > 0.5 * UNANSWERED_S
            limb = int(np.where(slack, self._felt_n, np.inf).argmin())
            self._unanswered[:] = 0.0
            return Alarm("anchor.let_go", UNANSWERED_S, UNANSWERED_S, "s", blocking=False), limb
        if self._longest[1] * self._dt >= UNNOTICED_S:
            limb = int(self._astray.argmax())
            self._astray[limb] = 0.0
            return Alarm("anchor.let_go", UNNOTICED_M, UNNOTICED_M, "m", blocking=False), limb
        return None

    def _biased(self) -> tuple[Alarm | None, int] | None:
        if not self._light or self._anchored_s <= TARE_S:
            return None
        self._refine()
        by_accel, by_gyro, _, by_force, _ = _sizes(self._difference).tolist()
        self._turning_s = self._turning_s + self._dt if by_gyro > GYRO_BIAS_RAD_S else 0.0
        if by_accel > ACCEL_BIAS_M_S2 and by_force < QUIET_SHARE * by_accel and self._pardoned_s > PARDON_S:
            # The filter lags behind a step; the last reading does not, and is refined in what follows.
            self.accel_bias_m_s2 += self._difference[4]
            self._mending, self._pardoned_s = True, 0.0
            self._refining, self._excess = round(REFINE_S / self._dt), np.zeros(3)
            self._difference[0] = 0.0
            return Alarm("imu.biased", by_accel, ACCEL_BIAS_M_S2, "m/s2", blocking=False), -1
        if self._turning_s > GYRO_SETTLED_S:
            self.gyro_bias_rad_s += self._difference[1]
            self._mending, self._turning_s = True, 0.0
            self._difference[1] = 0.0
            return Alarm("imu.biased", by_gyro, GYRO_BIAS_RAD_S, "rad/s", blocking=False), -1
        return None


@njit(cache=True)
def _sizes(rows: Vector) -> Vector:
    """(k,) lengths of (k, 3) vectors; `np.linalg.norm` costs ten times as much on so few."""
    out = np.empty(rows.shape[0])
    for i in range(rows.shape[0]):
        out[i] = np.sqrt(rows[i, 0] ** 2 + rows[i, 1] ** 2 + rows[i, 2] ** 2)
    return out


@njit(cache=True)
def _compare(
    raw_force: Vector, force: Vector, accel: Vector, gyro: Vector, raw_gyro: Vector, weight_on_bit: float,
    rotation: Vector, last_force: Vector, last_rotation: Vector, last_gyro: Vector, frozen: Vector, astray: Vector,
    difference: Vector, misfit: Vector, filtered: Vector, per_stiffness: Vector, slip: Vector, planned: Vector,
    unanswered: Vector, anchored_s: float, mass: float, dt: float,
) -> tuple[float, float, float]:  # fmt: skip
    """One period, in place: counts of frozen readings and stray feet, filtered differences of the inertial unit.

    Returns: the longest counts of ticks that a reading is frozen, a foot astray, a pull unanswered.
    """
    fresh = False  # a device that sends its last sample again has not measured
    finite = True
    for j in range(3):
        fresh |= raw_gyro[j] != last_gyro[j]
        finite &= np.isfinite(raw_gyro[j]) and np.isfinite(accel[j])
        last_gyro[j] = raw_gyro[j]
    longest = (0.0, 0.0, 0.0)
    total = np.zeros(3)
    total[2] = weight_on_bit
    for i in range(force.shape[0]):
        same = True
        square = 0.0
        for j in range(3):
            value = raw_force[i, j]
            same &= (value == last_force[i, j]) or not np.isfinite(value)
            last_force[i, j] = value
            total[j] += force[i, j]
            square += filtered[i, j] ** 2
        if fresh:
            frozen[i] = frozen[i] + 1.0 if same else min(frozen[i], 0.0)
        loose = misfit[i] - np.sqrt(square) * per_stiffness[i] - slip[i]
        astray[i] = astray[i] + 1.0 if loose > UNNOTICED_M else 0.0
        silent = planned[i] > PLANNED_N and -filtered[i, 2] < ANSWER_SHARE * planned[i]
        unanswered[i] = unanswered[i] + 1.0 if silent else 0.0
        longest = (max(longest[0], frozen[i]), max(longest[1], astray[i]), max(longest[2], unanswered[i]))
    turn = np.zeros(3)  # of the pose since the last period, rotation vector, base frame
    for k in range(3):
        turn[0] += 0.5 * (last_rotation[k, 2] * rotation[k, 1] - last_rotation[k, 1] * rotation[k, 2])
        turn[1] += 0.5 * (last_rotation[k, 0] * rotation[k, 2] - last_rotation[k, 2] * rotation[k, 0])
        turn[2] += 0.5 * (last_rotation[k, 1] * rotation[k, 0] - last_rotation[k, 0] * rotation[k, 1])
    last_rotation[:] = rotation
    if anchored_s == 0.0:
        difference[:] = 0.0
    if anchored_s == 0.0 or not finite or not np.isfinite(total.sum()):
        return longest
    if anchored_s <= dt * 1.5:  # free integration handed over to the fit: its jump is no turn
        turn[:] = 0.0
    tare = anchored_s <= TARE_S
    for j in range(3):
        excess = accel[j] - total[j] / mass - difference[2, j]
        if tare:
            difference[2, j] += excess * min(1.0, dt / ACCEL_FILTER_S)
        else:
            difference[0, j] += (excess - difference[0, j]) * min(1.0, dt / ACCEL_FILTER_S)
            difference[1, j] += (gyro[j] - turn[j] / dt - difference[1, j]) * min(1.0, dt / GYRO_FILTER_S)
        difference[3, j] += (total[j] / mass - difference[3, j]) * min(1.0, dt / ACCEL_FILTER_S)
        difference[4, j] = excess
    return longest
