"""What the drill's own sensors say of the hole: depth, rate, packed chips, a spindle that stands, a feed that runs."""

from __future__ import annotations

import math

import numpy as np

from stope.control.chipfill import ChipFill
from stope.control.goal import Goal, View
from stope.physics.drilling import CUTTING_THRUST_RATIO, FRICTION_SHAPE, CoreBit, fastest_feed_m_s
from stope.robot.messages import Observation, Vector
from stope.robot.model import Drill

DEPTH_S = 0.1  # encoder noise of 0.1 mm at 100 Hz becomes 0.02 mm
TRACK_S = 1.5  # of the rate: it becomes 3 um/s
TORQUE_S = 0.1
CHOKE_SHARE, CHOKE_NM = 1.25, 0.12  # torque above this share of what cutting can ask for, and this much more: chips
STAND_SHARE, STAND_S = 0.2, 0.12  # the device switches a standing spindle off after 0.2 s
SPUN_S = 0.4  # after a change of the asked speed nothing is concluded from torque
RUNAWAY_M_S, RUNAWAY_N, RUNAWAY_SHARE, RUNAWAY_S = 0.012, 4.0, 1.25, 0.06
FLIGHT_FILL = 0.3  # believed share of the flights that chips fill; learned by choking


class HoleWatch:
    """Follows one hole.

    Attributes:
        depth_m, rate_m_s: filtered, along the feed; 0 before the collar is known. A tenth of a second and 1.5 s old.
        torque_nm: filtered magnitude; excess_nm: of it, more than cutting can explain.
        standing: the spindle does not turn although it is asked to.
        runaway: how the feed does what it was not asked for, as (value, limit, unit); None while it obeys.
        feed_max_m_s: what the flights are believed to carry at full spindle speed.
        chips: how full they are.
        packing: torque will be more than cutting can explain within seconds.
    """

    def __init__(self, drill: Drill, spindle_max_rad_s: float) -> None:
        bit = CoreBit(drill.bit_outer_m, drill.bit_inner_m)
        self._drill = drill
        # Rubbing asks for mu gamma arm per newton, cutting for kerf / (2 pi zeta face): no rock asks for more.
        self._arm_m = max(FRICTION_SHAPE * bit.arm_m, bit.kerf_m2 / (2.0 * math.pi * CUTTING_THRUST_RATIO * bit.face_m))
        self.feed_max_m_s = float(
            fastest_feed_m_s(
                bit.kerf_m2, spindle_max_rad_s / (2.0 * math.pi),
                math.pi * drill.auger_gap_m * (drill.bit_outer_m - drill.auger_gap_m), drill.auger_pitch_m,
                flight_fill=FLIGHT_FILL,
            )
        )  # fmt: skip
        self.chips, self.packing = ChipFill(drill, bit.kerf_m2), False
        self._collar_m: Vector | None = None
        self.depth_m = self._tracked_m = self.rate_m_s = self.torque_nm = self.excess_nm = 0.0
        self._spun_s = self._stood_s = self._ran_s = self._asked = 0.0
        self.standing = False
        self.runaway: tuple[float, float, str] | None = None

    def collar(self, view: View) -> None:
        """The bit touches the ground here."""
        self._collar_m = tip_m(view) + compressed_m(view.obs, self._drill) * view.estimate.rotation[:, 2]

    @property
    def choking(self) -> bool:
        """Chips pack in the flights."""
        return self.excess_nm > 0.0

    def learn_choke(self) -> None:
        """The flights choked at the present rate: they carry less than that."""
        self.feed_max_m_s = 0.95 * min(self.feed_max_m_s, max(self.rate_m_s, 0.5 * self.feed_max_m_s))

    def update(self, view: View, asked: Goal) -> None:
        """One tick; `asked` is the goal of the last one."""
        self._follow_depth(view)
        drill, obs, dt = self._drill, view.obs, view.dt_s
        torque, spin = abs(float(obs.joint_effort[drill.spindle])), float(obs.joint_velocity[drill.spindle])
        if not math.isfinite(torque + spin + obs.weight_on_bit_n):
            return
        if abs(asked.spindle_rad_s - self._asked) > 0.1:
            self._asked, self._spun_s = asked.spindle_rad_s, 0.0
        self._spun_s += dt
        self.torque_nm += (torque - self.torque_nm) * min(1.0, dt / TORQUE_S)
        settled = self._spun_s > SPUN_S
        most = CHOKE_SHARE * self._arm_m * max(obs.weight_on_bit_n, 0.0) + CHOKE_NM
        self.excess_nm = max(0.0, self.torque_nm - most) if settled else 0.0
        if settled:
            self.chips.update(self.rate_m_s, spin, self.torque_nm, obs.weight_on_bit_n, dt)
        self.packing = settled and self.chips.will_pass(most, obs.weight_on_bit_n)
        stands = settled and abs(self._asked) > 1.0 and abs(spin) < STAND_SHARE * abs(self._asked)
        self._stood_s = self._stood_s + dt if stands else 0.0
        self.standing = self._stood_s >= STAND_S
        self._watch_feed(view, asked)

    def _follow_depth(self, view: View) -> None:
        if self._collar_m is None:
            return
        shorter = compressed_m(view.obs, self._drill)
        depth = float((self._collar_m - tip_m(view)) @ view.estimate.rotation[:, 2]) - shorter
        self.depth_m += (depth - self.depth_m) * min(1.0, view.dt_s / DEPTH_S)
        # Critically damped tracking filter: a plain difference of encoder readings is 1 mm/s of noise, and what is
        # looked for is 1 mm/min. Its own depth lags behind a fast spud by half a millimetre.
        error = depth - self._tracked_m
        self._tracked_m += (self.rate_m_s + 2.0 / TRACK_S * error) * view.dt_s
        self.rate_m_s += error / TRACK_S**2 * view.dt_s

    def _watch_feed(self, view: View, asked: Goal) -> None:
        speed, weight = float(view.obs.joint_velocity[self._drill.feed]), view.obs.weight_on_bit_n
        too_fast = speed - max(asked.feed_velocity_m_s, 0.0) - RUNAWAY_M_S
        most = RUNAWAY_SHARE * asked.feed_limit_n + RUNAWAY_N
        ran = too_fast > 0.0 or weight > most
        self._ran_s = self._ran_s + view.dt_s if ran else 0.0
        if self._ran_s >= RUNAWAY_S and self.runaway is None:
            fast = speed, max(asked.feed_velocity_m_s, 0.0) + RUNAWAY_M_S, "m/s"
            self.runaway = fast if too_fast > 0.0 else (weight, most, "N")


def compressed_m(obs: Observation, drill: Drill) -> float:
    """How much shorter the string is by what it is pressed with: encoders see the feed, not the bit."""
    return max(obs.weight_on_bit_n, 0.0) / drill.string_stiffness_n_m


def unloaded_m(obs: Observation, drill: Drill) -> float:
    """Feed position at which the bit would stand where it stands now, were it not pressed."""
    return float(obs.joint_position[drill.feed]) - compressed_m(obs, drill)


def tip_m(view: View) -> Vector:
    """(3,) the unloaded bit's tip, site frame."""
    return np.asarray(view.estimate.position_m + view.estimate.rotation @ view.kinematics.bit_tip_m)
