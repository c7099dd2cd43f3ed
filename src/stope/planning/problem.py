"""Problem: one planning question in whole numbers, which every solver, the validator and the simulator read alike.

Units: minutes since the start of the horizon, watt-minutes, grams, megabytes, hundredths of value. Node 0 is the depot,
node i is site i. Windows are closed-open `(from, to)` minutes; nothing here knows how the numbers came about.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Window = tuple[int, int]
Matrix = tuple[tuple[int, ...], ...]

#: Tasks of one visit, in their order; approach is the travel before it.
VISIT_TASKS = ("survey", "anchor", "pull_test", "drill", "sample", "collect", "stow", "release")
#: Shares and tolerances are stated in thousandths.
PER_MILLE = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """One task of a visit: how long (minutes) and how much energy (watt-minutes)."""

    task: str
    minutes: int
    energy: int


@dataclass(frozen=True, slots=True)
class WorkSite:
    """One place to work at, visited at most once, in one contiguous block of tasks.

    Attributes:
        number: node, 1 for the first.
        partner: index of the partner whose ground it is; -1 for common ground, whose yield is shared out freely.
        deposit: index of the deposit it draws on, -1 for none.
        steps: the visit's tasks.
        cut_task: the task that cuts, "drill", "sample" or "collect"; it must lie inside one of `cut_windows`.
        cut_windows: when the ground's temperature allows cutting.
        wear: of the bit's budget.
        mass_g, data_mb: what a visit yields.
        hold: probability that the anchors pass their pull test and hold the work, from the belief.
        worth: value of the yield if they hold, hundredths.
        gain: expected worth less energy and risk, hundredths.
        not_before, deadline: the visit lies between them.
        forbidden: why it may not be entered at all ("" if it may).
        demanded: the plan must visit it.
    """

    number: int
    name: str
    material: str
    partner: int
    steps: tuple[Step, ...]
    cut_task: str
    cut_windows: tuple[Window, ...]
    wear: int
    mass_g: int
    data_mb: int
    hold: float
    worth: int
    gain: int
    deadline: int
    not_before: int = 0
    deposit: int = -1
    forbidden: str = ""
    demanded: bool = False

    @property
    def cut_from(self) -> int:
        """Minutes from the visit's start to that of the cutting."""
        return sum(step.minutes for step in self.steps[: self._cut])

    @property
    def cut_minutes(self) -> int:
        """Duration of the cutting."""
        return self.steps[self._cut].minutes

    @property
    def _cut(self) -> int:
        return next(k for k, step in enumerate(self.steps) if step.task == self.cut_task)

    @property
    def minutes(self) -> int:
        """Duration of the whole visit."""
        return sum(step.minutes for step in self.steps)

    @property
    def energy(self) -> int:
        """Energy of the whole visit, watt-minutes."""
        return sum(step.energy for step in self.steps)


@dataclass(frozen=True, slots=True)
class RobotState:
    """Where a robot is free to act: node, minute, battery level, bin load, bit wear, log store.

    `parked_since` is when it came to that node, for the safety zone around it.
    """

    node: int
    time: int
    level: int
    load_g: int = 0
    wear: int = 0
    data_mb: int = 0
    parked_since: int = 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """What every robot can do and carry; energies in watt-minutes."""

    battery: int
    reserve: int
    charge_w: int
    idle_w: int
    bin_g: int
    wear: int
    store_mb: int
    downlink_minutes: int
    downlink_energy: int
    unload_minutes: int
    unload_energy: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Shares of the collected mass in thousandths, with the band around them; and what each deposit may still give.

    A partner's mass lies within `(share -+ tolerance) * total -+ slack_g`. `collected_g` is what was collected for each
    partner before this horizon, `common_g` what was collected on common ground and not shared out yet.
    """

    partners: tuple[str, ...]
    share: tuple[int, ...]
    tolerance: int
    slack_g: int
    collected_g: tuple[int, ...]
    common_g: int = 0
    deposits: tuple[str, ...] = ()
    deposit_left_g: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """The question: which site, by whom, in which order, when.

    Attributes:
        travel_minutes, travel_energy, travel_cost: (K+1, K+1) between nodes; cost in hundredths of value.
        sun: when a parked robot can charge. comm: when it can send.
        robots: one state each; all must be back at the depot by `horizon`.
        zones: pairs of nodes so near that two robots may never be at both at once (a node with itself included).
        seed: of the mission; solver streams are spawned from it by name.
        energy_price: hundredths of value a watt-minute. failure_price: hundredths a failed anchoring.
    """

    name: str
    horizon: int
    sites: tuple[WorkSite, ...]
    travel_minutes: Matrix
    travel_energy: Matrix
    travel_cost: Matrix
    sun: tuple[Window, ...]
    comm: tuple[Window, ...]
    fleet: Fleet
    robots: tuple[RobotState, ...]
    agreement: Agreement
    zones: frozenset[tuple[int, int]] = field(default_factory=frozenset)
    seed: int = 0
    energy_price: float = 0.03
    failure_price: int = 600

    def site(self, number: int) -> WorkSite:
        """The site at this node."""
        return self.sites[number - 1]


def contains(windows: tuple[Window, ...], start: int, minutes: int) -> bool:
    """Whether `[start, start + minutes)` lies inside one window."""
    return any(begin <= start and start + minutes <= end for begin, end in windows)


__all__ = [
    "PER_MILLE", "VISIT_TASKS", "Agreement", "Fleet", "Matrix", "Problem", "RobotState", "Step", "Window", "WorkSite",
    "contains",
]  # fmt: skip
