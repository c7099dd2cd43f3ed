"""Controllers whose outcome a test decides, and views that are nothing but a clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from stope.control.goal import Goal, Outcome, Progress, View
from stope.executive.activity import Activity
from stope.executive.monitors import Monitors
from stope.executive.operator import Operator, Order
from stope.executive.task import Task
from stope.executive.tree import Executive

TASKS = ("descend", "anchor", "pull_test", "drill", "collect", "stow", "release")


def at(time_s: float) -> View:
    """A view of which only the time is looked at."""
    return cast(View, SimpleNamespace(obs=SimpleNamespace(time_us=round(time_s * 1e6))))


@dataclass
class Scripted:
    """A controller that stays at `progress` until a test changes it."""

    progress: Progress = field(default_factory=lambda: Progress("at work"))

    def update(self, view: View) -> Goal:
        raise AssertionError("the tree never asks for goals")


@dataclass
class Winding(Scripted):
    """One with a tool in the ground."""

    asked: list[Progress] = field(default_factory=list)

    def wind_up(self, ending: Progress) -> None:
        if not self.asked:
            self.asked.append(ending)


SUCCESS = Progress("done", Outcome.SUCCEEDED)
FAILURE = Progress("done", Outcome.FAILED, "test.failed", "it broke at 3 N", 3.0, "N")
REFUSAL = Progress("refused", Outcome.REFUSED, "test.refused", "no anchors", 0.0, "1")


class Play:
    """An executive over a mission of stub tasks; outcomes by task name, success where none is given."""

    def __init__(
        self,
        outcomes: dict[str, Progress] | None = None,
        skips: dict[str, str] | None = None,
        operator: Operator | None = None,
        monitors: Monitors | None = None,
        tools: frozenset[str] = frozenset({"drill", "collect"}),
        hold: frozenset[str] = frozenset(),
    ) -> None:
        self._outcomes, self._tools, self.hold = outcomes or {}, tools, set(hold)
        self.begun: list[str] = []
        self.made: dict[str, Scripted] = {}
        activities = [Activity(index, task, 100.0) for index, task in enumerate(TASKS)]
        recovery = Activity(-1, "recover", 300.0)
        tasks = [Task(task, 100.0, self._maker(task), resources=frozenset({task})) for task in TASKS]
        recover = recovery, Task("recover", 300.0, self._maker("recover"))
        self.executive = Executive(at(0.0), activities, tasks, recover, skips or {}, operator, monitors)
        self.time_s = 0.0
        self.view = at  # what the world looks like at a time

    def _maker(self, task: str) -> Any:
        def make(view: View, activity: Activity) -> Scripted:
            self.begun.append(task)
            self.made[task] = Winding() if task in self._tools else Scripted()
            return self.made[task]

        return make

    def tick(self, ticks: int = 1) -> None:
        """Ticks of 50 ms; what runs is given its outcome after its first one, a tool that winds up comes home."""
        for _ in range(ticks):
            self.time_s += 0.05
            self.executive.tick(self.view(self.time_s), round(self.time_s * 1e6))
            running = self.executive.desk.running
            if running is None:
                continue
            made = self.made[running.task]
            if isinstance(made, Winding) and made.asked:
                made.progress = made.asked[0]
            elif running.task not in self.hold:
                made.progress = self._outcomes.get(running.task, SUCCESS)

    def until(self, task: str) -> None:
        """Up to the begin of `task`."""
        for _ in range(200):
            if self.begun[-1:] == [task]:
                return
            self.tick()
        raise AssertionError(f"{task} never begins")

    def order(self, verb: str) -> str:
        """What the operator is answered."""
        self.executive.order(Order(verb, round(self.time_s * 1e6), "test"))
        return self.executive.desk.operator.answers[-1].sentence

    def run(self) -> None:
        """To the end of the mission."""
        for _ in range(200):
            if self.executive.finished:
                return
            self.tick()
        raise AssertionError("the mission does not end")

    @property
    def states(self) -> dict[str, str]:
        """State by task."""
        return {activity.task: activity.state for activity in self.executive.activities}
