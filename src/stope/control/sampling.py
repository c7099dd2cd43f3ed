"""Sample: set the gas head on the ground and blow grains into the bin, pulse after pulse, until it has what was asked.

    check -> tare -> lower -> press -> pulse -> settle -> press again for what is missing, or raise

Where nothing has weight a jet is a lift-off: each newton of it, and what of its plume the ground turns back, is paid by
the anchors. So the thrust is what the reserve allows, every tick; and a pulse is so short that its grains come back.
"""

from __future__ import annotations

import math

import numpy as np

from stope.belief.bed import STRONG, WEAK, LooseBed
from stope.control.allowance import Allowance
from stope.control.anchoring import preload
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.limited import LimitedBy
from stope.control.stance import Stance
from stope.mission.missionfile import Sample
from stope.robot.model import Sampler, Thruster

LOWER_M_S, PRESS_M_S = 0.006, 0.002
TOUCH_N, PRESS_N = 1.0, 2.0  # ten deviations of the head's load cell; what a skirt needs to lie on
PUSH_FILTER_S = 0.1
PUSH_SHARE, PRESS_SHARE = 0.5, 0.3  # of the reserve that head and jet may push with together; of that, the head
MOST_REACTION = 2.0  # of the thrust: a plume that the ground turns right back (physics.sampling)
LEAST_THRUST_N = 0.3  # below this a jet loosens nothing that is worth its gas
REACH_M, SINK_M = 0.13, 0.02  # how far the body may come down; of that, beyond the first touch
PRESSED_S, PRESS_MOST_S = 0.5, 12.0
TARE_S, SETTLE_S, LISTEN_S = 1.0, 2.0, 1.0  # the last second of a settling is listened to
FIRST_S = 0.1  # the first pulse at most: to learn what one brings
SHORTEST_S = 0.05  # five ticks, by which a pulse is timed
GROWTH = 2.0  # a pulse may be so many times as long as the one before
LEAST_GAIN_KG, DRY_PULSES = 1e-3, 3  # three deviations of two mean levels; then there is no more within reach
CLOSE_SHARE = 0.05  # of what was asked: no further pulse for less
KEPT_GAS_KG = 0.10  # to press the feet on once more, should anchors let go, and to leave
NO_GROUND_S = 40.0


class SampleController:
    """Lower the head, blow, listen to the bin's level, raise.

    Args:
        most_m_s: speed of grains up to which enough of them come back (`control.retention`).
        bed: what is believed of the cover, for the first pulse; one of `FIRST_S` when nothing is.

    Attributes:
        caught_kg: by the bin's level, since the start.
        unasked_kg: gas that has left the tank without a pulse: a valve that leaks or does not shut.
    """

    def __init__(
        self,
        task: Sample,
        stance: Stance,
        preload_n: float,
        most_m_s: float = math.inf,
        bed: LooseBed | None = None,
    ) -> None:
        self._task, self._stance, self._preload_n, self._most_m_s, self._bed = task, stance, preload_n, most_m_s, bed
        self._phase, self._phase_s = "check", 0.0
        self._feet_m = stance.feet_m.copy()
        self._felt_n = np.zeros_like(self._feet_m)
        self._down_m = self._touch_m = self._push_n = self._stuck_s = 0.0
        self._pulse_s, self._pulses, self._dry = min(FIRST_S, task.pulse_s), 0, 0
        self._impulse_n_s = self._spent_kg = 0.0  # of this pulse; gas of all of them
        self._level, self._gas = _Mean(), _Mean()
        self._start_kg = self._last_kg = self._tank_kg = 0.0
        self._allowance, self._limit = Allowance(), LimitedBy()
        self._ending: Progress | None = None
        self.caught_kg = self.unasked_kg = 0.0
        self.progress = Progress("check")

    def update(self, view: View) -> Goal:
        """One tick."""
        goal = Goal.still(self._stance.feet_m, view.model)
        goal.foot_force_n = preload(view, self._stance, self._preload_n)
        if self._phase == "check":
            self._check(view)
        if self.progress.outcome is not Outcome.RUNNING:
            return goal
        self._phase_s += view.dt_s
        self._feel(view)
        getattr(self, f"_{self._phase}")(view, goal)
        self._stance.relax(view.estimate.limb_force_n, self._felt_n, view.anchored, view.dt_s)
        self._stance.shift_base(self._feet_m, np.array((0.0, 0.0, -self._down_m)))
        goal.feet_base_m = self._stance.feet_m.copy()
        return goal

    def most_thrust_n(self, view: View) -> float:
        """Thrust that was asked for, or less: what the anchors pay beside the preload although all plume comes back."""
        left_n = max(0.0, PUSH_SHARE * view.reserve_n - self._preload(view))
        return min(self._task.thrust_max_n, _parts(view)[1].max_n, left_n / MOST_REACTION)

    def _preload(self, view: View) -> float:
        """Push with which the head is to lie on the ground, N."""
        return min(PRESS_N, PRESS_SHARE * PUSH_SHARE * view.reserve_n)

    def wind_up(self, ending: Progress) -> None:
        """Raise the head, then report `ending`."""
        if self._ending is None and self._phase != "check":
            self._ending = ending
            self._go("raise")

    # --- what is felt -------------------------------------------------------------------------------------------------

    def _feel(self, view: View) -> None:
        """Push of ground and jet on the head, from its load cell; gas that left unasked, from the tank."""
        self._allowance.update(view)
        felt_n = view.obs.weight_on_bit_n
        if math.isfinite(felt_n):
            self._push_n += min(1.0, view.dt_s / PUSH_FILTER_S) * (felt_n - self._push_n)
        tank_kg = view.obs.propellant_kg
        if self._phase != "tare" and math.isfinite(tank_kg):
            self.unasked_kg = self._tank_kg - tank_kg - self._spent_kg

    def _pace(self, view: View) -> float:
        """Speed of a motion that loads the anchors, 1 to -1, and which limit it is."""
        most_n = PUSH_SHARE * view.reserve_n
        left = (most_n - self._push_n) / most_n if most_n > 0.0 else -1.0
        pace = max(-1.0, min(self._allowance.pace, 2.0 * left, 1.0))
        self._limit.update("" if pace >= 1.0 else "anchors" if self._allowance.pace <= left else "reserve", view.dt_s)
        return pace

    def _go(self, phase: str) -> None:
        self._phase, self._phase_s = phase, 0.0

    # --- phases -------------------------------------------------------------------------------------------------------

    def _check(self, view: View) -> None:
        sampler, _ = _parts(view)
        holding, thrust_n, gas_kg = int(view.anchored.sum()), self.most_thrust_n(view), view.obs.propellant_kg
        if holding < sampler.anchors_required:
            reason = f"{holding} anchors hold, the sampler needs {sampler.anchors_required}"
            self.progress = Progress("refused", Outcome.REFUSED, "sample.no_anchor", reason, float(holding))
        elif thrust_n < LEAST_THRUST_N:
            reason = f"the anchors pay a jet of {thrust_n:.2f} N, sampling needs at least {LEAST_THRUST_N} N"
            reason += f" ({view.binding})" if view.binding else ""
            self.progress = Progress("refused", Outcome.REFUSED, "sample.no_reserve", reason, thrust_n, "N")
        elif self._bed is not None and (slowest := self._bed.loft_m_s(WEAK)) > self._most_m_s:
            reason = f"such ground throws its grains at {slowest:.2f} m/s at least, {self._most_m_s:.2f} m/s come back"
            self.progress = Progress("refused", Outcome.REFUSED, "sample.ejecta", reason, slowest, "m/s")
        elif not self._gas_for(view, self._pulse_s, gas_kg):
            self.progress = Progress("refused", Outcome.REFUSED, "sample.no_gas", _no_gas(gas_kg), gas_kg, "kg")
        else:
            self._feet_m, self._felt_n = self._stance.feet_m.copy(), view.estimate.limb_force_n.copy()
            self._stance.given_m = np.zeros_like(self._feet_m)
            self._pulse_s = self._first_pulse_s(sampler, thrust_n)
            self._go("tare")

    def _tare(self, view: View, _goal: Goal) -> None:
        self._level.add(view.obs.bin_fill * view.model.bin_capacity_kg)
        self._gas.add(view.obs.propellant_kg)
        if self._phase_s >= TARE_S:
            self._start_kg = self._last_kg = self._level.taken()
            self._tank_kg = self._gas.taken()
            self._go("lower")
        self.progress = Progress("weighing the bin")

    def _lower(self, view: View, _goal: Goal) -> None:
        before_m = self._down_m
        self._down_m = max(0.0, self._down_m + self._pace(view) * LOWER_M_S * view.dt_s)
        self._stuck_s = 0.0 if self._down_m > before_m else self._stuck_s + view.dt_s
        if self._push_n > TOUCH_N:
            self._touch_m = self._down_m
            self._go("press")
        elif self._down_m > REACH_M:
            self._give_up("sample.no_ground", f"the head met no ground within {REACH_M:.2f} m", REACH_M, "m")
        elif self._stuck_s > NO_GROUND_S:
            reason = f"the anchors leave nothing for the head: margin {self._allowance.margin:.2f}{self._limit.said}"
            self._give_up("sample.no_reserve", reason, self._allowance.margin, "1")
        self.progress = Progress(f"lowering, {100.0 * self._down_m:.1f} cm{self._limit.said}")

    def _press(self, view: View, _goal: Goal) -> None:
        """Lie on the ground with a small preload; ground that bears none is followed by `SINK_M`."""
        lacking = min(1.0, max(-1.0, (self._preload(view) - self._push_n) / PRESS_N))
        deepest_m = min(self._touch_m + SINK_M, REACH_M)
        self._down_m = min(deepest_m, max(0.0, self._down_m + lacking * PRESS_M_S * view.dt_s))
        lies = abs(lacking) < 0.25 or self._down_m == deepest_m
        self._stuck_s = self._stuck_s + view.dt_s if lies else 0.0
        if self._stuck_s > PRESSED_S or self._phase_s > PRESS_MOST_S:
            self._stuck_s = self._impulse_n_s = 0.0
            self._go("pulse")
        self.progress = Progress(f"{1e3 * self.caught_kg:.0f} g, pressing with {self._push_n:.1f} N")

    def _pulse(self, view: View, goal: Goal) -> None:
        """Blow, with what the anchors pay in this very tick; what they no longer pay ends it."""
        sampler, jet = _parts(view)
        thrust_n = self.most_thrust_n(view)
        if thrust_n < LEAST_THRUST_N or self._allowance.pace <= 0.0:
            reason = f"the anchors pay a jet of {thrust_n:.2f} N at a margin of {self._allowance.margin:.2f}"
            self._give_up("sample.no_reserve", reason, thrust_n, "N")
        elif self._phase_s > self._pulse_s:
            self._pulses += 1
            self._go("settle")
        else:
            goal.jet_n = thrust_n
            lift = np.concatenate((jet.direction, np.cross(jet.position_m, jet.direction)))
            goal.tool_wrench = (1.0 + sampler.plume_share) * thrust_n * lift
            self._impulse_n_s += thrust_n * view.dt_s
            self._spent_kg += thrust_n * view.dt_s / jet.exhaust_m_s
        self.progress = Progress(f"{1e3 * self.caught_kg:.0f} g, pulse {self._pulses + 1}{self._limit.said}")

    def _settle(self, view: View, _goal: Goal) -> None:
        """Wait until the level says what the pulse has brought."""
        if self._phase_s > SETTLE_S - LISTEN_S:
            self._level.add(view.obs.bin_fill * view.model.bin_capacity_kg)
        if self._phase_s > SETTLE_S:
            level_kg = self._level.taken()
            gain_kg, self._last_kg = level_kg - self._last_kg, level_kg
            self.caught_kg = level_kg - self._start_kg
            self._judge(view, gain_kg)
        self.progress = Progress(f"{1e3 * self.caught_kg:.0f} g after {self._pulses} pulses{self._limit.said}")

    def _raise(self, view: View, _goal: Goal) -> None:
        self._down_m = max(0.0, self._down_m - LOWER_M_S * view.dt_s)
        self.progress = Progress("raising")
        if self._down_m == 0.0:
            assert self._ending is not None
            self.progress = self._ending

    # --- after a pulse ------------------------------------------------------------------------------------------------

    def _judge(self, view: View, gain_kg: float) -> None:
        """Enough, nothing more to be had, or another pulse and how long."""
        missing_kg, gas_kg = self._task.mass_kg - self.caught_kg, view.obs.propellant_kg
        self._dry = 0 if gain_kg >= LEAST_GAIN_KG else self._dry + 1
        if missing_kg <= CLOSE_SHARE * self._task.mass_kg:
            used = f"{self._pulses} pulses, {1e3 * self._spent_kg:.1f} g of gas"
            self.wind_up(Progress(f"{1e3 * self.caught_kg:.0f} g caught with {used}", Outcome.SUCCEEDED))
            return
        speed = self._grain_speed_m_s(view, gain_kg)
        if self._dry >= DRY_PULSES:
            reason = f"{self.caught_kg:.3f} of {self._task.mass_kg:.3f} kg caught, {self._dry} pulses brought no more"
            self._give_up("sample.exhausted", reason, self.caught_kg, "kg")
        elif speed > self._most_m_s and self._impulse_n_s <= 1.01 * SHORTEST_S * self.most_thrust_n(view):
            reason = f"the shortest pulse throws grains at {speed:.2f} m/s, {self._most_m_s:.2f} m/s come back"
            self._give_up("sample.ejecta", reason, speed, "m/s")
        else:
            self._pulse_s = self._next_pulse_s(gain_kg, missing_kg, speed)
            self._limit.update("ejecta" if speed > 0.5 * self._most_m_s else "", view.dt_s)
            if self._gas_for(view, self._pulse_s, gas_kg):
                self._go("press")
            else:
                self._give_up("sample.no_gas", _no_gas(gas_kg), gas_kg, "kg")

    def _grain_speed_m_s(self, view: View, gain_kg: float) -> float:
        """At which the grains of the last pulse left the bed: the jet's momentum on what it loosened. 0 if unknown."""
        sampler, _ = _parts(view)
        if gain_kg < LEAST_GAIN_KG:
            return 0.0
        return sampler.momentum_share * self._impulse_n_s * sampler.capture_share / gain_kg

    def _first_pulse_s(self, sampler: Sampler, thrust_n: float) -> float:
        """One that brings no more than was asked though the ground be weak; the shortest if grains may be too fast."""
        longest = min(FIRST_S, self._task.pulse_s)
        if self._bed is None:
            return longest
        if self._bed.loft_m_s(STRONG) > self._most_m_s:
            return min(SHORTEST_S, longest)
        caught_kg_s = sampler.momentum_share * sampler.capture_share * thrust_n / self._bed.loft_m_s(WEAK)
        return min(longest, max(SHORTEST_S, self._task.mass_kg / max(caught_kg_s, 1e-9)))

    def _next_pulse_s(self, gain_kg: float, missing_kg: float, speed_m_s: float) -> float:
        """As long as was asked, or as brings what is missing, or as throws nothing away for good."""
        longest = min(self._task.pulse_s, GROWTH * self._pulse_s)
        if gain_kg >= LEAST_GAIN_KG:
            longest = min(longest, self._pulse_s * missing_kg / gain_kg)
        if speed_m_s > self._most_m_s:
            longest = min(longest, self._pulse_s * self._most_m_s / speed_m_s)
        return max(SHORTEST_S, longest)

    def _gas_for(self, view: View, pulse_s: float, gas_kg: float) -> bool:
        """Whether there is gas for a pulse beside what is kept; a gauge that says nothing is no yes."""
        _, jet = _parts(view)
        return gas_kg - KEPT_GAS_KG >= self.most_thrust_n(view) * pulse_s / jet.exhaust_m_s

    def _give_up(self, code: str, reason: str, value: float, unit: str) -> None:
        self.wind_up(Progress("raised", Outcome.FAILED, code, reason, value, unit))


class _Mean:
    """Mean of what was added since it was last taken; readings that are missing are left out."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, value: float) -> None:
        if math.isfinite(value):
            self._sum, self._count = self._sum + value, self._count + 1

    def taken(self) -> float:
        mean = self._sum / self._count if self._count else math.nan
        self._sum, self._count = 0.0, 0
        return mean


def _parts(view: View) -> tuple[Sampler, Thruster]:
    sampler = view.model.sampler
    assert sampler is not None
    return sampler, view.model.thrusters[sampler.jet]


def _no_gas(gas_kg: float) -> str:
    return f"the tank holds {gas_kg:.3f} kg, {KEPT_GAS_KG:.2f} kg are kept to press the feet on and to leave"
