"""Activity: what happened to one task of the mission; Desk: what tree, operator and control loop hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from stope.control.goal import Outcome, Progress, TaskController, View
from stope.executive.operator import Operator
from stope.executive.raised import Raised

ENDED = ("succeeded", "failed", "refused", "skipped", "interrupted")


@dataclass(frozen=True, slots=True)
class Transition:
    """One change in the life of an activity: for log, checkpoint and replay.

    Attributes:
        time_us: run time. index, task, attempt: which activity, and which try of it, from 1.
        state: "running", "retried", "suspended", or one of `ENDED`.
        code, reason, value, unit: why, with the measured value that caused it.
        depth_m: hole depth that it had reached.
    """

    time_us: int
    index: int
    task: str
    attempt: int
    state: str
    code: str = ""
    reason: str = ""
    value: float = 0.0
    unit: str = "1"
    depth_m: float = 0.0


@dataclass(slots=True)
class Activity:
    """What happened to one task of the mission. It happens once: an activity that has ended never starts again.

    Attributes:
        index: place in the mission; -1 for the fault response.
        state: "waiting", "running", or one of `ENDED`; a suspended one is waiting again.
        attempt: tries begun. before_m: hole depth of the tries before this one.
        started_us, ended_us: run time.
        code, reason, value, unit: why it did not succeed, with the measured value that caused it.
        depth_m: hole depth that it reached, over all tries.
        memory: numbers that its next try needs, such as the fill of the drums when it first began.
    """

    index: int
    task: str
    timeout_s: float
    state: str = "waiting"
    attempt: int = 0
    started_us: int = 0
    ended_us: int = 0
    code: str = ""
    reason: str = ""
    value: float = 0.0
    unit: str = "1"
    depth_m: float = 0.0
    before_m: float = 0.0
    memory: dict[str, float] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """Run time that it took; 0 for one that never ran."""
        return max(0, self.ended_us - self.started_us) * 1e-6

    @property
    def ended(self) -> bool:
        """Whether its outcome is known."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Replan:
    """A reason for planning anew.

    Attributes:
        time_us: run time. task: what ran, or was to be done with the tool that was lost.
        code, reason: why, as a fault or reason code and in words.
        lost: tool that a fault has taken away, by the name of its task; empty for none.
    """

    time_us: int
    task: str
    code: str
    reason: str
    lost: str = ""


#: Failures of a task after which its own controller refuses to use the tool again.
_SPENT = ("bit.broken", "drill.no_bit")


@dataclass(slots=True)
class Desk:
    """What tree, operator and control loop hand to each other.

    Attributes:
        view: set before each tick of the tree.
        now_us: run time of that tick; it goes on while telemetry does not.
        operator: who may pause, skip, abort and must approve.
        controller: whom the control loop asks for goals; None means stand still.
        running: the activity that the controller works on.
        news: changes since the recorder last looked.
        faults: blocking rows of the fault table raised and not yet answered.
        closing: when set, tools come home and no tool task begins, for this reason.
        stop_task: why the running task is to be stopped by itself, as a monitor said.
        ended: why the mission ended before its tasks did.
        lost: tools that a fault has taken away, and why.
        raised: rows of monitors raised since the recorder last looked.
        replan: reasons for planning anew, oldest first; whoever plans empties it.
    """

    view: View
    operator: Operator = field(default_factory=Operator)
    now_us: int = 0
    controller: TaskController | None = None
    running: Activity | None = None
    news: list[Transition] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    closing: Progress | None = None
    stop_task: Progress | None = None
    ended: Progress | None = None
    lost: dict[str, Progress] = field(default_factory=dict)
    raised: list[Raised] = field(default_factory=list)
    replan: list[Replan] = field(default_factory=list)

    def start(self, activity: Activity, controller: TaskController, again: Progress | None = None) -> None:
        """`activity` begins, worked on by `controller`; or begins `again` after what went wrong before."""
        self.controller, self.running, self.stop_task = controller, activity, None
        activity.attempt += 1
        if activity.attempt == 1:
            activity.started_us = self.now_us
        activity.state = "running"
        self._tell(activity, "running" if again is None else "retried", again)

    def suspend(self, activity: Activity, why: Progress) -> None:
        """`activity` waits, its tool at home, until it is begun again."""
        activity.state = "waiting"
        activity.before_m += why.depth_m
        self._tell(activity, "suspended", why)
        self._lay_down(activity)

    def end(self, activity: Activity, state: str, why: Progress) -> None:
        """`activity` is over, for the code and reason in `why`; whoever worked on it lays the tools down."""
        if activity.attempt == 0:
            activity.started_us = self.now_us
        activity.state, activity.ended_us = state, self.now_us
        activity.code, activity.reason, activity.value, activity.unit = why.code, why.reason, why.value, why.unit
        activity.depth_m = activity.before_m + why.depth_m
        self._tell(activity, state, why)
        self._lay_down(activity)
        if state in ("failed", "refused", "interrupted"):
            spent = activity.task if why.code in _SPENT else ""
            self.replan.append(
                Replan(self.now_us, activity.task, why.code, f"{activity.task} {state}: {why.reason}", spent)
            )

    def take_tool(self, tool: str, why: Progress) -> None:
        """A fault has taken `tool` away: what runs with it comes home, nothing else is begun with it."""
        self.lost[tool] = why
        self.replan.append(Replan(self.now_us, tool, why.code, f"{tool} is not used again: {why.reason}", tool))
        if self.running is not None and self.running.task == tool:
            self.stop_task = why

    def leave_out(self, activity: Activity, why: Progress) -> None:
        """`activity` is not begun any more; one that was suspended has been interrupted."""
        self.end(activity, "interrupted" if activity.attempt else "skipped", why)

    def _tell(self, activity: Activity, state: str, why: Progress | None) -> None:
        why = why or Progress("")
        self.news.append(
            Transition(
                self.now_us, activity.index, activity.task, activity.attempt, state,
                why.code, why.reason, why.value, why.unit, activity.before_m,
            )
        )  # fmt: skip

    def _lay_down(self, activity: Activity) -> None:
        if self.running is activity:
            self.controller = self.running = None


def stopped(code: str, reason: str, value: float = 0.0, unit: str = "1") -> Progress:
    """What a task that was stopped from outside comes to."""
    return Progress("stopped", Outcome.FAILED, code, reason, value, unit)
