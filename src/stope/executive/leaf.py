"""TaskLeaf: one activity of the plan as a behaviour, timed in run time, with its outcome and reason."""

from __future__ import annotations

from collections.abc import Callable

from py_trees.behaviour import Behaviour
from py_trees.common import Status

from stope.control.goal import Outcome, Progress, TaskController, View, WindsUp
from stope.executive.activity import Activity, Desk

MakeController = Callable[[View], TaskController]

WIND_UP_S = 60.0  # what a task that ran out of time may still take to bring its tool home: 0.4 m of feed take 20 s


class TaskLeaf(Behaviour):
    """Runs one controller from start to outcome, once.

    py_trees starts a behaviour anew whenever its parent comes back to it, and its Timeout reads the wall clock. A task
    on an asteroid happens once and takes run time: a leaf whose activity has ended only repeats the outcome, and the
    time-out of a paused or faster than real-time run trips when it would trip on hardware.

    Args:
        activity: filled in as it goes; two leaves in two branches may share one.
        make: builds the controller when the task starts, from the view of that moment.
        desk: shared with the control loop.
        skip: if not empty, the task is not run, for this reason.
    """

    def __init__(self, activity: Activity, make: MakeController, desk: Desk, skip: str = "") -> None:
        super().__init__(name=activity.task)
        self.activity, self._make, self._desk, self._skip = activity, make, desk, skip
        self._controller: TaskController | None = None
        self._late: Progress | None = None

    def again(self) -> TaskLeaf:
        """A second leaf for the same activity, for another branch of the tree."""
        return TaskLeaf(self.activity, self._make, self._desk, self._skip)

    def initialise(self) -> None:
        """Start the task, unless it is to be skipped or has been done with."""
        if self.activity.state != "waiting" or self._skip:
            return
        self._controller = self._make(self._desk.view)
        self._desk.start(self.activity, self._controller)

    def update(self) -> Status:
        """Look at the controller's progress and at the time."""
        if self.activity.state == "waiting":
            self._desk.end(self.activity, "skipped", Progress("skipped", code="task.skipped", reason=self._skip))
        if self.activity.ended:
            return Status.SUCCESS if self.activity.state in ("succeeded", "skipped") else Status.FAILURE
        assert self._controller is not None
        progress = self._in_time(self._controller.progress)
        if progress.outcome is Outcome.RUNNING:
            return Status.RUNNING
        self._desk.end(self.activity, progress.outcome.value, progress)
        return Status.SUCCESS if progress.outcome is Outcome.SUCCEEDED else Status.FAILURE

    def terminate(self, new_status: Status) -> None:
        """Interrupted by something above: the activity failed for that reason."""
        if new_status is Status.INVALID and self.activity.state == "running" and self._controller is not None:
            fault = self._desk.faults[-1] if self._desk.faults else "operator"
            depth = self._controller.progress.depth_m
            why = Progress("interrupted", code=fault, reason=f"interrupted by {fault}", depth_m=depth)
            self._desk.end(self.activity, "failed", why)

    def _in_time(self, progress: Progress) -> Progress:
        """`progress`, or the failure that a task out of time has come to, once its tool is out of the ground."""
        elapsed_s = (self._desk.now_us - self.activity.started_us) * 1e-6
        if progress.outcome is not Outcome.RUNNING or elapsed_s <= self.activity.timeout_s:
            return progress
        if self._late is None:
            reason = f"not done after {self.activity.timeout_s:.0f} s; it was at: {progress.phase}"
            self._late = Progress(
                progress.phase, Outcome.FAILED, "task.timeout", reason, elapsed_s, "s", progress.depth_m
            )
            if isinstance(self._controller, WindsUp):
                self._controller.wind_up(self._late)
        winding = isinstance(self._controller, WindsUp) and elapsed_s <= self.activity.timeout_s + WIND_UP_S
        return progress if winding else self._late
