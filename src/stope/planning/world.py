"""World: the activity-level simulator. Robots carry out legs of a plan with drawn durations, energies and anchors.

It knows the nominal problem and the luck, and behaves as the executive does: it starts each activity as early as its
windows allow, charges what the leg asks and at least what its own margin needs, and skips what cannot end in time. It
shares no code with the decoder. Time runs in whole minutes while parked and is real-valued in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from stope.planning.anomaly import Anomaly, cut_short
from stope.planning.luck import Luck
from stope.planning.problem import Problem, RobotState, WorkSite

_ABORT_TASKS = ("survey", "anchor", "pull_test", "release")  # what a visit costs when the pull test fails
_CARE = 1.3  # factor on durations that a robot expects before it commits to a way or a visit: the worst drawn
_CARE_ENERGY = 1.25
_TELEMETRY_MB = 20  # what a failed visit leaves in the log store


class Leg(NamedTuple):
    """Go to `node`, charge at least `charge` minutes there if the sun allows, do its activity."""

    node: int
    charge: int


@dataclass(slots=True)
class Rover:
    """One robot's state; level in watt-minutes."""

    node: int
    time: float
    level: float
    load_g: float
    wear: int
    data_mb: int
    since: float
    waits: int = 0
    stays: list[tuple[int, float, float]] = field(default_factory=list)

    def state(self) -> RobotState:
        """As planners see it, rounded to the safe side."""
        return RobotState(
            self.node, math.ceil(self.time), math.floor(self.level), math.ceil(self.load_g), self.wear, self.data_mb,
            math.floor(self.since),
        )  # fmt: skip


class Event(NamedTuple):
    """What came of a leg."""

    robot: int
    node: int
    what: Literal["visited", "failed", "skipped", "unloaded", "waiting", "home"]
    time: float


class World:
    """All robots of one mission, and the books: what was collected for whom, what it was worth, what went wrong."""

    def __init__(self, problem: Problem, luck: Luck) -> None:
        self.problem, self.luck = problem, luck
        self.rovers = [
            Rover(s.node, s.time, s.level, s.load_g, s.wear, s.data_mb, min(s.parked_since, s.time))
            for s in problem.robots
        ]
        self.collected = [float(g) for g in problem.agreement.collected_g]
        self.common = float(problem.agreement.common_g)
        self.deposit = [0.0] * len(problem.agreement.deposits)
        self.value = 0.0
        self.failures = 0
        self.violations: list[str] = []
        self.done: set[int] = set()
        self.outcomes: list[tuple[str, float, bool]] = []  # material, believed hold probability, held
        self.lost: set[str] = set()  # tools
        self.broken_off: dict[int, str] = {}  # task by site in which a fault ended the work there
        self.on_anomaly: Callable[[Anomaly], None] = lambda _anomaly: None
        self._end = 2 * problem.horizon
        self._sun = _covered(problem.sun, self._end)
        self._near = problem.zones | {(b, a) for a, b in problem.zones}

    def carry_out(self, robot: int, leg: Leg) -> Event:
        """Do `leg` as far as it goes."""
        rover, node = self.rovers[robot], leg.node
        gone = self._zone_free_at(robot, node)
        if gone is not None:
            return self._wait(robot, node, gone)
        rover.waits = 0
        if not self._travel(rover, node):
            return self._skip(robot, node)
        if node == 0:
            return self._unload(robot, leg)
        site = self.problem.site(node)
        if self.lost & {step.task for step in site.steps}:
            return self._skip(robot, node)
        if not self._fits(rover, site) or not self._send_if_full(rover, site.data_mb):
            return self._skip(robot, node)
        if not self._park(rover, site.energy, leg.charge, site) or not self._in_time(rover, site):
            return self._skip(robot, node)
        return self.visit(robot, site)

    def go_home(self, robot: int) -> Event:
        """The way back; the bin is taken over at the depot."""
        rover = self.rovers[robot]
        if rover.node and not self._travel(rover, 0, last=True):
            self.violations.append(f"robot {robot} cannot get home")
        if rover.time > self.problem.horizon:
            self.violations.append(f"robot {robot} home {rover.time - self.problem.horizon:.0f} min late")
        return Event(robot, 0, "home", rover.time)

    def wait_until(self, rover: Rover, time: float) -> None:
        """Stay parked until `time`, charging in the sun; the log store is sent on the way."""
        while rover.time < time - 1e-9:
            self._tick(rover)
        rover.data_mb = 0

    def visit(self, robot: int, site: WorkSite) -> Event:
        """The visit itself, once the robot is there and everything fits."""
        rover, luck, fleet = self.rovers[robot], self.luck, self.problem.fleet
        self.done.add(site.number)
        slow, hungry = luck.work_time[site.number], luck.work_energy[site.number]
        held = bool(luck.holds[site.number])
        self.outcomes.append((site.material, site.hold, held))
        steps = site.steps if held else tuple(s for s in site.steps if s.task in _ABORT_TASKS)
        if held and site.number in self.broken_off:
            steps = cut_short(site, self.broken_off[site.number])
        minutes, energy = slow * sum(s.minutes for s in steps), hungry * sum(s.energy for s in steps)
        yielded = luck.mass[site.number] * self._cut_share(rover, site, slow) if held else 0.0
        rover.time, rover.level = rover.time + minutes, rover.level - energy
        self.value -= self.problem.energy_price * energy
        if rover.level < 0.5 * fleet.reserve:
            self.violations.append(f"robot {robot} deeply discharged at {site.name}")
        if not held:
            self.failures += 1
            self.value -= self.problem.failure_price
            rover.data_mb += _TELEMETRY_MB
            return Event(robot, site.number, "failed", rover.time)
        if rover.time > site.deadline:
            self.violations.append(f"robot {robot} misses the deadline of {site.name}")
        mass = min(yielded * site.mass_g, self._room_g(rover, site))  # a full bin or a spent deposit ends the cutting
        yielded = mass / site.mass_g if site.mass_g else yielded
        rover.load_g += mass
        rover.wear += site.wear
        rover.data_mb += site.data_mb
        self.value += yielded * site.worth
        if site.partner < 0:
            self.common += mass
        else:
            self.collected[site.partner] += mass
        if site.deposit >= 0:
            self.deposit[site.deposit] += mass
        return Event(robot, site.number, "visited", rover.time)

    def _room_g(self, rover: Rover, site: WorkSite) -> float:
        """What the bin and the site's deposit still take, g."""
        bin_g = self.problem.fleet.bin_g - rover.load_g
        if site.deposit < 0:
            return bin_g
        return min(bin_g, self.problem.agreement.deposit_left_g[site.deposit] - self.deposit[site.deposit])

    def _cut_share(self, rover: Rover, site: WorkSite, slow: float) -> float:
        """Part of the cutting that is done when its window closes and the bit is withdrawn, 0..1."""
        begin = rover.time + slow * site.cut_from
        wanted = slow * site.cut_minutes
        end = max((e for b, e in site.cut_windows if b <= begin + 1e-9), default=begin)
        return min(1.0, max(0.0, (end - begin) / wanted)) if wanted else 1.0

    def _unload(self, robot: int, leg: Leg) -> Event:
        rover, fleet = self.rovers[robot], self.problem.fleet
        if not self._park(rover, fleet.unload_energy, leg.charge, None):
            return self._skip(robot, 0)
        rover.time += fleet.unload_minutes
        rover.level -= fleet.unload_energy
        rover.load_g = 0.0
        return Event(robot, 0, "unloaded", rover.time)

    def _travel(self, rover: Rover, node: int, last: bool = False) -> bool:
        """Drive to `node`, charging first where the way would eat into the reserve; False if that never comes.

        The last way home may take half of the reserve: that is what it is for.
        """
        if rover.node == node:
            return True
        energy = self.problem.travel_energy[rover.node][node]
        need = (0.5 if last else 1.0) * self.problem.fleet.reserve + _CARE_ENERGY * energy
        if rover.level < need and not self._charge_until(rover, need):
            return False
        factor = float(self.luck.way[node])
        if rover.node:
            rover.stays.append((rover.node, rover.since, rover.time))
        rover.time += factor * self.problem.travel_minutes[rover.node][node]
        rover.level -= factor * energy
        self.value -= self.problem.energy_price * factor * energy
        rover.node, rover.since = node, rover.time
        return True

    def _charge_until(self, rover: Rover, level: float) -> bool:
        fleet = self.problem.fleet
        while rover.level < min(level, fleet.battery):
            if rover.time >= self.problem.horizon:
                return False
            self._tick(rover)
        return True

    def _park(self, rover: Rover, energy: int, charge: int, site: WorkSite | None) -> bool:
        """Wait at the place until charge, window and time fit; False if they never do."""
        fleet = self.problem.fleet
        must = min(fleet.battery, fleet.reserve + _CARE_ENERGY * energy)
        want = min(fleet.battery, max(must, rover.level + charge * fleet.charge_w))
        while True:
            sunlit = self._sun[int(rover.time)]
            ready = site is None or self._cut_fits(rover.time, site)
            if rover.level >= must and ready and not (sunlit and rover.level < want):
                return True
            if rover.time >= self.problem.horizon:
                return False
            self._tick(rover)

    def _tick(self, rover: Rover) -> None:
        """Up to a minute parked: charging in the sun, idling in the dark."""
        fleet, step = self.problem.fleet, math.floor(rover.time) + 1 - rover.time
        if self._sun[int(rover.time)]:
            rover.level = min(fleet.battery, rover.level + step * fleet.charge_w)
        else:
            rover.level -= step * fleet.idle_w
        rover.time += step

    def _cut_fits(self, time: float, site: WorkSite) -> bool:
        if time < site.not_before:
            return False
        begin = time + site.cut_from
        return any((b <= begin and begin + 1.1 * site.cut_minutes <= e) or (b <= begin and e >= self.problem.horizon)
                   for b, e in site.cut_windows if b <= begin <= e)  # fmt: skip

    def _send_if_full(self, rover: Rover, data_mb: int) -> bool:
        """Wait for a window and send if the visit's data would not fit; in passing if a window is open now."""
        fleet = self.problem.fleet
        now = any(b <= rover.time and rover.time + fleet.downlink_minutes <= e for b, e in self.problem.comm)
        full = rover.data_mb + data_mb > fleet.store_mb
        spare = rover.level - fleet.downlink_energy > 2 * fleet.reserve
        if not full and not (now and spare and 3 * rover.data_mb > fleet.store_mb):
            return True
        starts = [max(b, rover.time) for b, e in self.problem.comm if max(b, rover.time) + fleet.downlink_minutes <= e]
        if not starts or min(starts) > self.problem.horizon:
            return False
        while rover.time < min(starts) - 1e-9:
            self._tick(rover)
        if rover.level - fleet.downlink_energy < fleet.reserve and not self._charge_until(
            rover, fleet.reserve + fleet.downlink_energy
        ):
            return False
        rover.level -= fleet.downlink_energy
        rover.time += fleet.downlink_minutes
        rover.data_mb = 0
        return True

    def _fits(self, rover: Rover, site: WorkSite) -> bool:
        fleet = self.problem.fleet
        room = site.deposit < 0 or (
            self.deposit[site.deposit] + site.mass_g <= self.problem.agreement.deposit_left_g[site.deposit]
        )
        return room and rover.load_g + site.mass_g <= fleet.bin_g and rover.wear + site.wear <= fleet.wear

    def _in_time(self, rover: Rover, site: WorkSite) -> bool:
        """Whether the visit and the way home, with the charging for it, end in time even if they take long."""
        end = rover.time + _CARE * site.minutes
        back = _CARE * self.problem.travel_minutes[site.number][0]
        way = _CARE_ENERGY * self.problem.travel_energy[site.number][0]
        short = 0.5 * self.problem.fleet.reserve + way - (rover.level - _CARE_ENERGY * site.energy)
        charged = end if short <= 0 else self._charged_by(end, short)
        return end <= site.deadline and charged + back <= self.problem.horizon

    def _charged_by(self, time: float, energy: float) -> float:
        """When a robot parked from `time` on has charged so much."""
        minute = math.ceil(time)
        while energy > 0 and minute < self.problem.horizon:
            energy -= self.problem.fleet.charge_w if self._sun[minute] else -self.problem.fleet.idle_w
            minute += 1
        return float(minute) if energy <= 0 else math.inf

    def _skip(self, robot: int, node: int) -> Event:
        if node:
            self.done.add(node)
        return Event(robot, node, "skipped", self.rovers[robot].time)

    def _wait(self, robot: int, node: int, gone: float) -> Event:
        rover = self.rovers[robot]
        rover.waits += 1
        if rover.waits > 3:  # two robots want each other's place: one of them gives way
            rover.waits = 0
            return self._skip(robot, node)
        while rover.time < gone:
            self._tick(rover)
        return Event(robot, node, "waiting", rover.time)

    def _zone_free_at(self, robot: int, node: int) -> float | None:
        """Minute until which the robot should wait for its way to `node`; None if nobody is in the way."""
        if node == 0 or not self._near:
            return None
        rover = self.rovers[robot]
        arrive = rover.time + 0.8 * self.problem.travel_minutes[rover.node][node]
        for k, other in enumerate(self.rovers):
            if k == robot:
                continue
            if other.node and (node, other.node) in self._near:
                return max(other.time, rover.time) + 1.0
            for place, _, until in other.stays:
                if (node, place) in self._near and until > arrive:
                    return rover.time + until - arrive
        return None


def _covered(windows: tuple[tuple[int, int], ...], end: int) -> list[bool]:
    """Whether each minute below `end` lies in a window."""
    found = [False] * (end + 1)
    for begin, until in windows:
        for minute in range(max(0, begin), min(end, until)):
            found[minute] = True
    return found


__all__ = ["Event", "Leg", "Rover", "World"]
