"""Activity: what happened to one task of the mission; Desk: what tree and control loop hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from stope.control.goal import Progress, TaskController, View

ENDED = ("succeeded", "failed", "refused", "skipped")


@dataclass(slots=True)
class Activity:
    """What happened to one task of the mission. It happens once: an activity that has ended never starts again.

    Attributes:
        index: place in the mission; -1 for the fault response.
        state: "waiting", "running", or one of `ENDED`.
        started_us, ended_us: run time.
        code, reason, value, unit: why it did not succeed, with the measured value that caused it.
        depth_m: hole depth that it reached.
    """

    index: int
    task: str
    timeout_s: float
    state: str = "waiting"
    started_us: int = 0
    ended_us: int = 0
    code: str = ""
    reason: str = ""
    value: float = 0.0
    unit: str = "1"
    depth_m: float = 0.0

    @property
    def duration_s(self) -> float:
        """Run time that it took; 0 for one that never ran."""
        return max(0, self.ended_us - self.started_us) * 1e-6

    @property
    def ended(self) -> bool:
        """Whether its outcome is known."""
        return self.state in ENDED


@dataclass(slots=True)
class Desk:
    """What tree and control loop hand to each other: the view of this tick, the active controller, news for the log.

    Attributes:
        view: set before each tick of the tree.
        controller: whom the control loop asks for goals; None means stand still.
        running: the activity that the controller works on.
        news: activities whose state changed since the recorder last looked.
        faults: rows of the fault table raised and not yet answered.
    """

    view: View
    controller: TaskController | None = None
    running: Activity | None = None
    news: list[Activity] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def now_us(self) -> int:
        """Run time."""
        return self.view.obs.time_us

    def start(self, activity: Activity, controller: TaskController) -> None:
        """`activity` begins, worked on by `controller`."""
        self.controller, self.running = controller, activity
        activity.state, activity.started_us = "running", self.now_us
        self.news.append(activity)

    def end(self, activity: Activity, state: str, why: Progress) -> None:
        """`activity` is over, for the code and reason in `why`; whoever worked on it lays the tools down."""
        if activity.state == "waiting":
            activity.started_us = self.now_us
        activity.state, activity.ended_us = state, self.now_us
        activity.code, activity.reason, activity.value, activity.unit = why.code, why.reason, why.value, why.unit
        activity.depth_m = why.depth_m
        self.news.append(activity)
        if self.running is activity:
            self.controller = self.running = None
