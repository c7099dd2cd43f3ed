"""Weight laws: how hard to push, how fast to turn and how hard to hammer. The door for control engineers.

A law sees a `Hole` each control tick and answers a `Setting`. The drilling controller keeps what must never depend on a
law: the bound that the anchors can pay, the device's limits, clearing, freeing, cooling and coming home.

    class MyLaw:
        def choose(self, hole: Hole) -> Setting:
            return Setting(weight_n=hole.bound_n, spindle_rad_s=hole.spindle_max_rad_s, hammer=1.0)

Named in a mission (`weight_law: my_law` of a drill task) through the entry-point group `stope.controllers`: the entry
is called without arguments for each hole and returns a law. A mission names installed packages only, never code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from stope.belief.rock import RockEstimate
from stope.mission.errors import InputError
from stope.mission.explain import suggestion
from stope.physics.drilling import BLOW_CONTACT_N, CoreBit
from stope.robot.model import Drill

GROUP = "stope.controllers"
LEVELS = (0.05, 0.09, 0.165, 0.3, 0.55, 1.0)  # of the blow energy: six, spanning a factor of 20 (Curiosity, case D09)
FEED_SHARE = 0.9  # of the rate that the flights are believed to carry
SETTLE_S = 4.0  # of the weight toward the wanted rate: the rate is filtered over 1.5 s
LEVEL_SHARE = 0.97  # of the wanted rate that the blows are asked for: the last percent are not worth doubling them
LEVEL_S = 2.0  # between changes of the level
RUBS = 2.0  # threshold thrust over bound at which a bit is taken to rub only; it cuts again at 1
UNHURRIED_M_S = 2.5e-5  # half as fast again as what is given up: slower than this every turn is needed
RUB_WEIGHT_N = 4.0 * BLOW_CONTACT_N  # 98 % of each blow reaches the rock
CHIP_ROOM = 3.0  # times what the chips need
SLOWEST = 0.75  # of full speed, so that teeth do not fall into their own marks
HOT = 0.95  # of the way to the bit's limit: here blows are weakened. Warming takes minutes, so 5 K are enough for it
TEPID = 0.5  # below it heat binds nobody, and each turn is welcome
SPEED_STEP_RAD_S2 = 1.0
FIRST_LEVEL = 3  # before anything is known of the rock
CONSERVATIVE_N = 20.0  # Honeybee's core drill: about 20 N in basalt (Zacny et al. 2011)


@dataclass(frozen=True, slots=True)
class Hole:
    """What a law may know of the hole in this tick: measured or believed, never true.

    Attributes:
        bound_n: most weight-on-bit that task and anchors allow now.
        weight_n, torque_nm, spindle_rad_s: measured at the bit.
        depth_m, rate_m_s: filtered depth and rate of penetration.
        rock: estimate of the ground at the bit; None before 0.5 mm are cut.
        feed_max_m_s: rate of penetration that the flights are believed to carry at full spindle speed.
        spindle_max_rad_s: that the task allows.
        levels: blow energies that the hammer has, as rising shares of the largest; (1,) when it cannot be adjusted.
        warmth: believed bit temperature on the way from the start (0) to its limit (1).
        wear: believed, 0 new to 1 worn out.
        dt_s: control period.
    """

    drill: Drill
    bound_n: float
    weight_n: float
    torque_nm: float
    spindle_rad_s: float
    depth_m: float
    rate_m_s: float
    rock: RockEstimate | None
    feed_max_m_s: float
    spindle_max_rad_s: float
    levels: tuple[float, ...]
    warmth: float
    wear: float
    dt_s: float


@dataclass(frozen=True, slots=True)
class Setting:
    """What a law asks for. More weight than the bound, or more speed than the task allows, is cut down to it."""

    weight_n: float
    spindle_rad_s: float
    hammer: float


class WeightLaw(Protocol):
    """Chooses the setting of each tick of one hole."""

    def choose(self, hole: Hole) -> Setting:
        """Called at the control rate while the bit cuts."""


class AdaptiveLaw:
    """Ours: as fast as the flights carry; weight up to the bound first, then the weakest blow that does it.

    A bit that only rubs is pressed no harder than its blows need, and once it is warm turned no faster than its chips
    need. Blows are weakened only just below the bit's limit: what warms it less drills less.
    """

    def __init__(self) -> None:
        self._weight_n: float | None = None
        self._level, self._since_s = FIRST_LEVEL, LEVEL_S
        self._rubs, self._spindle_rad_s = False, 0.0

    def choose(self, hole: Hole) -> Setting:
        """Weight follows the error of the rate; level and speed follow the estimate of the rock."""
        wanted = FEED_SHARE * hole.feed_max_m_s
        if self._weight_n is None:
            self._weight_n = hole.bound_n
        error = (wanted - hole.rate_m_s) / wanted
        self._weight_n += max(error, -2.0) * hole.bound_n * hole.dt_s / SETTLE_S
        self._weight_n = min(max(self._weight_n, 0.1 * hole.bound_n), hole.bound_n)
        self._look_whether_it_rubs(hole)
        weight_n = min(self._weight_n, RUB_WEIGHT_N) if self._rubs else self._weight_n
        self._choose_level(hole, wanted)
        cool = min(1.0, max(0.0, (1.0 - hole.warmth) / (1.0 - HOT)))  # blows are what heats the bit
        level = hole.levels[min(self._level, len(hole.levels) - 1)]
        return Setting(weight_n, self._choose_speed(hole), max(hole.levels[0], cool * level))

    def _look_whether_it_rubs(self, hole: Hole) -> None:
        """Below the threshold thrust (strength times wear flats, `physics.drilling`) blows do all the work.

        Weight beyond what keeps the bit on the rock between them, and turning, then only wear and warm the bit, and a
        warm bit must be hammered less.
        """
        if hole.rock is not None:
            bit = CoreBit(hole.drill.bit_outer_m, hole.drill.bit_inner_m, wear=min(max(hole.wear, 0.0), 1.0))
            threshold_n = hole.rock.ucs_pa * bit.flat_m2
            self._rubs = threshold_n > (hole.bound_n if self._rubs else RUBS * hole.bound_n)

    def _choose_speed(self, hole: Hole) -> float:
        """As fast as the task allows while the bit cuts; where it rubs and is warm, no faster than its chips need."""
        if self._spindle_rad_s == 0.0:
            self._spindle_rad_s = hole.spindle_max_rad_s
        slower = self._rubs and hole.warmth > TEPID and hole.rate_m_s > UNHURRIED_M_S
        needed = max(CHIP_ROOM * hole.rate_m_s / hole.feed_max_m_s, SLOWEST) if slower else 1.0
        step = SPEED_STEP_RAD_S2 * hole.dt_s
        wanted = min(needed, 1.0) * hole.spindle_max_rad_s
        self._spindle_rad_s += min(max(wanted - self._spindle_rad_s, -step), step)
        return min(self._spindle_rad_s, hole.spindle_max_rad_s)

    def _choose_level(self, hole: Hole, wanted_m_s: float) -> None:
        """One down while the rate is held; else the weakest that gives the lacking power (Peters et al. 2018)."""
        self._since_s += hole.dt_s
        if hole.rock is None or self._since_s < LEVEL_S:
            return
        enough = LEVEL_SHARE * wanted_m_s
        if hole.rate_m_s >= enough:
            level = max(self._level - 1, 0)
        else:
            missing_w = (enough - hole.rate_m_s) * hole.rock.specific_energy_pa * hole.rock.area_m2
            most = len(hole.levels) - 1
            needed = hole.levels[min(self._level, most)] + missing_w / max(hole.rock.blow_power_w, 1e-9)
            level = next((i for i, share in enumerate(hole.levels) if share >= needed), most)
        if level != self._level:
            self._level, self._since_s = level, 0.0


class FixedLaw:
    """The usual practice: one conservative weight and full blows, whatever the rock."""

    def __init__(self, weight_n: float = CONSERVATIVE_N, hammer: float = 1.0) -> None:
        self._weight_n, self._hammer = weight_n, hammer

    def choose(self, hole: Hole) -> Setting:
        """Always the same."""
        return Setting(self._weight_n, hole.spindle_max_rad_s, self._hammer)


OURS: dict[str, Callable[[], WeightLaw]] = {"adaptive": AdaptiveLaw, "fixed": FixedLaw}


def weight_law(name: str) -> WeightLaw:
    """A fresh law by its name: one of ours, or one that an installed package offers.

    Raises:
        InputError: no law has this name.
    """
    if name in OURS:
        return OURS[name]()
    offered = entry_points(group=GROUP)
    if name in offered.names:
        made: WeightLaw = offered[name].load()()
        return made
    known = sorted({*OURS, *offered.names})
    raise InputError(
        "weight_law", read=f"'{name}'", expected=f"one of {', '.join(known)}{suggestion(name, known)}",
        remedy=f"install the package that offers it in the entry-point group {GROUP}",
    )  # fmt: skip
