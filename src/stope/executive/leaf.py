"""TaskLeaf: one activity of the plan as a behaviour, timed in run time, with its outcome and reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from py_trees.behaviour import Behaviour
from py_trees.common import Status

from stope.control.goal import Outcome, Progress, TaskController, View

MakeController = Callable[[View], TaskController]


@dataclass(slots=True)
class Activity:
    """What happened to one task of the mission.

    Attributes:
        state: "waiting", "running", "succeeded", "failed", "refused", "skipped" or "recovered".
        code, reason, value, unit: why it did not succeed, with the measured value that caused it.
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
        """Run time that it took."""
        return (self.ended_us - self.started_us) * 1e-6


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


class TaskLeaf(Behaviour):  # type: ignore[misc]  # py_trees ships no types
    """Runs one controller from start to outcome.

    py_trees' own Timeout reads the wall clock; this leaf's time-out counts run time, so a paused or faster than
    real-time run never trips it.

    Args:
        activity: filled in as it goes.
        make: builds the controller when the task starts, from the view of that moment.
        desk: shared with the control loop.
        skip: if not empty, the task is not run, for this reason.
    """

    def __init__(self, activity: Activity, make: MakeController, desk: Desk, skip: str = "") -> None:
        super().__init__(name=activity.task)
        self.activity, self._make, self._desk, self._skip = activity, make, desk, skip
        self._controller: TaskController | None = None

    def again(self) -> TaskLeaf:
        """A second leaf for the same activity, for another branch of the tree."""
        return TaskLeaf(self.activity, self._make, self._desk, self._skip)

    def initialise(self) -> None:
        """Start the task."""
        if self._skip:
            return
        self._controller = self._desk.controller = self._make(self._desk.view)
        self._desk.running = self.activity
        self.activity.state, self.activity.started_us = "running", self._desk.now_us
        self._desk.news.append(self.activity)

    def update(self) -> Status:
        """Look at the controller's progress and at the time."""
        if self._skip:
            self._end("skipped", code="task.skipped", reason=self._skip)
            return Status.SUCCESS
        assert self._controller is not None
        progress = self._controller.progress
        elapsed_s = (self._desk.now_us - self.activity.started_us) * 1e-6
        if progress.outcome is Outcome.RUNNING and elapsed_s > self.activity.timeout_s:
            reason = f"not done after {self.activity.timeout_s:.0f} s; it was at: {progress.phase}"
            progress = Progress(
                progress.phase, Outcome.FAILED, "task.timeout", reason, elapsed_s, "s", progress.depth_m
            )
        if progress.outcome is Outcome.RUNNING:
            return Status.RUNNING
        self.activity.depth_m = progress.depth_m
        self._end(progress.outcome.value, progress.code, progress.reason, progress.value, progress.unit)
        return Status.SUCCESS if progress.outcome is Outcome.SUCCEEDED else Status.FAILURE

    def terminate(self, new_status: Status) -> None:
        """Interrupted by something above: the activity failed for that reason."""
        if new_status is Status.INVALID and self.activity.state == "running":
            depth = self._controller.progress.depth_m if self._controller else 0.0
            self.activity.depth_m = depth
            fault = self._desk.faults[-1] if self._desk.faults else "operator"
            self._end("failed", code=fault, reason=f"interrupted by {fault}")

    def _end(self, state: str, code: str = "", reason: str = "", value: float = 0.0, unit: str = "1") -> None:
        activity = self.activity
        activity.state, activity.ended_us = state, self._desk.now_us
        if state == "skipped":
            activity.started_us = activity.ended_us
        activity.code, activity.reason, activity.value, activity.unit = code, reason, value, unit
        self._desk.news.append(activity)
        if self._desk.controller is self._controller:
            self._desk.controller = self._desk.running = None
