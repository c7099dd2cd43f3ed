"""The root tree, ticked at 20 Hz: the first branch that has something to do has the robot.

Root (selector)
  EStop     pressed                          -> nothing more is commanded; the session makes the device safe
  Fault     a blocking fault was raised      -> recover, and end the mission anchored or lost
  Survival  battery below its reserve        -> tools home, sleep anchored, wake charged and in the sun
            bus low, blind, ...              -> tools home, stow, stay anchored, end
  Operator  aborted                          -> the same, for his reason
            paused                           -> hold, tools at home
  Mission   the tasks in order; a tool task that fails does not keep the robot from leaving in good order
  Idle      nothing is left to do            -> stay, charge, listen, for as long as was asked for

Each branch that closes first lets the running task bring its tool home; only a fault interrupts at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import py_trees
from py_trees.behaviour import Behaviour
from py_trees.common import Status

from stope.control.goal import Progress, View
from stope.executive.activity import Activity, Desk, stopped
from stope.executive.leaf import HOLDS, TaskLeaf
from stope.executive.monitors import Monitors
from stope.executive.operator import ESSENTIAL, PAUSE_S, Mode, Operator, Order
from stope.executive.raised import Raised
from stope.executive.survival import Survival
from stope.executive.task import Task

#: Tasks without which the later tool tasks make no sense; all others may fail and the robot still stows and leaves.
FOUNDATIONS = ("descend", "anchor", "pull_test")
LEAVING = ("stow", "release")


class Executive:
    """Ticks the tree at the executive's rate and knows when the mission is over.

    Args:
        view: the first view.
        activities: the plan, in order. tasks: how to do each, in the same order.
        recover: the fault response and how to do it.
        skips: reason by task name for tasks that are not to be run.
        operator: what a person may order. monitors: what is watched beside the tasks.
        survival: when the robot sleeps. stay_s: run time for which it stays and listens once nothing is left to do.
    """

    def __init__(
        self,
        view: View,
        activities: Sequence[Activity],
        tasks: Sequence[Task],
        recover: tuple[Activity, Task],
        skips: dict[str, str],
        operator: Operator | None = None,
        monitors: Monitors | None = None,
        survival: Survival | None = None,
        stay_s: float = 0.0,
    ) -> None:
        self.survival = survival or Survival(None)
        self.desk = Desk(view, operator or Operator())
        self.activities = tuple(activities)
        self.recovery = recover[0]
        self._monitors = monitors or Monitors(())
        self._survival: Progress | None = None
        leaves = [
            TaskLeaf(activity, task, self.desk, skips.get(activity.task, ""))
            for activity, task in zip(activities, tasks, strict=True)
        ]
        mission = py_trees.composites.Selector(
            "mission", memory=True, children=[_in_order(leaves), _leave(leaves, self.desk)]
        )
        fault = _answer_fault(self.activities, TaskLeaf(*recover, self.desk, closes=True), self.desk)
        # Without memory: what may take over is looked at in every tick.
        self.root = py_trees.composites.Selector(
            "root",
            memory=False,
            children=[
                EStop(self), fault, Asleep(self), _close(leaves, self), Paused(self),
                py_trees.decorators.SuccessIsFailure(name="nothing left", child=mission), Idle(self.desk, stay_s),
            ],
        )  # fmt: skip
        self.finished = False
        self._leaves = frozenset(leaves)
        self._at_work: TaskLeaf | None = None

    @property
    def running(self) -> str:
        """The task that runs, or comes next; empty when none is left."""
        running = self.desk.running
        if running is not None:
            return running.task
        return next((each.task for each in self.activities if each.state == "waiting"), "")

    @property
    def essential_done(self) -> bool:
        """Whether nothing is left of what puts the robot on the ground and keeps it there."""
        return all(each.ended for each in self.activities if each.task in ESSENTIAL)

    def raise_fault(self, row: str) -> None:
        """A blocking row of the fault table was detected; the next tick answers it."""
        if row not in self.desk.faults:
            self.desk.faults.append(row)

    def order(self, order: Order) -> None:
        """A person orders something; the answer stands in the operator's `answers`."""
        self.desk.operator.take(order, self.running)

    def end(self, row: str) -> None:
        """Nobody takes commands any more: what runs has failed for this row, and no response can be tried."""
        self.raise_fault(row)
        self.root.stop(Status.INVALID)
        self.skip_waiting(stopped("task.skipped", f"{row} ended the mission"))
        self.finished = True

    def tick(self, view: View, now_us: int) -> None:
        """One tick of the tree at run time `now_us`; nothing happens once the mission is over."""
        if self.finished:
            return
        desk = self.desk
        desk.view, desk.now_us = view, now_us
        if self._watch():
            return
        desk.closing = self._closing()
        if self._goes_on():
            desk.operator.mode = self._mode()
            return
        self.root.tick_once()
        tip = self.root.tip()
        self._at_work = tip if tip in self._leaves and tip.status is Status.RUNNING else None
        self.finished = self.finished or self.root.status in (Status.SUCCESS, Status.FAILURE)
        desk.operator.mode = self._mode()

    def _goes_on(self) -> bool:
        """Tick the task at work alone where nothing could take over: whether it goes on.

        The branches above the mission look at nothing but these four. While all are clear and the task runs on, a walk
        down the whole tree comes to the same leaf, at five times the cost. A leaf that ends is asked again by that walk
        and repeats its outcome.
        """
        desk, leaf = self.desk, self._at_work
        operator = desk.operator
        if leaf is None or desk.faults or desk.closing is not None:
            return False
        if operator.estop is not None or operator.paused_us is not None:
            return False
        return leaf.update() is Status.RUNNING

    def _watch(self) -> bool:
        """Answer what the monitors raise; whether that was the end."""
        for raised in self._monitors.tick(self.desk):
            self.desk.raised.append(raised)
            self._answer(raised)
        return self.finished

    def skip_waiting(self, why: Progress) -> None:
        """Whatever has not begun is skipped."""
        for activity in self.activities:
            if activity.state == "waiting":
                self.desk.leave_out(activity, why)

    def _answer(self, raised: Raised) -> None:
        """The response of a monitor's row."""
        why = stopped(raised.row.id, raised.sentence, raised.value, raised.row.unit)
        match raised.row.action:
            case "park":
                self._survival = self._survival or why
            case "stop":
                self.desk.ended = why
                self.end(raised.row.id)
            case "wind_up":
                self.desk.stop_task = why if self.desk.running is not None else None
            case "take_tool" if raised.tool:
                self.desk.take_tool(raised.tool, why)

    def _closing(self) -> Progress | None:
        """Why the mission is being closed or held, by priority."""
        operator, now_us = self.desk.operator, self.desk.now_us
        if self._survival is not None:
            return self._survival
        sleep = self.survival.look(self.desk)
        if sleep is not None:
            if self.survival.exhausted(now_us):
                self._survival = stopped("power.exhausted", f"no sun has woken it: {sleep.reason}", sleep.value, "W.h")
                return self._survival
            return sleep
        if operator.paused_us is not None and now_us - operator.paused_us > PAUSE_S * 1e6:
            silent = f"paused for more than {PAUSE_S:.0f} s and not resumed"
            operator.abort, operator.paused_us = Order("abort", now_us, "executive", silent), None
        if operator.abort is not None:
            by = f"aborted by {operator.abort.who}" + (f": {operator.abort.why}" if operator.abort.why else "")
            return stopped("operator.abort", by)
        if operator.paused_us is not None:
            return stopped("operator.pause", "paused by the operator")
        return None

    @property
    def parked(self) -> Progress | None:
        """Why the robot is parked for good, if it is."""
        return self._survival

    def _mode(self) -> Mode:
        desk = self.desk
        if desk.operator.estop is not None:
            return Mode.ESTOP
        if desk.faults or self._survival is not None:
            return Mode.FAULT
        if desk.operator.paused_us is not None or self.survival.asleep:
            return Mode.PAUSED
        if desk.operator.pending is not None:
            return Mode.AWAITING
        return Mode.RUNNING if self.running and not self.finished else Mode.IDLE


def _in_order(leaves: Sequence[TaskLeaf]) -> Behaviour:
    children = [leaf if leaf.name in FOUNDATIONS else _try(leaf) for leaf in leaves]
    return py_trees.composites.Sequence("tasks", memory=True, children=children)


def _leave(leaves: Sequence[TaskLeaf], desk: Desk) -> Behaviour:
    """After a failed foundation: skip what is left, stow and release."""
    skip = SkipWaiting(
        [leaf.activity for leaf in leaves if leaf.name not in LEAVING], desk, "a task that it rests on failed"
    )
    ends = [_try(leaf.again()) for leaf in leaves if leaf.name in LEAVING]
    return py_trees.composites.Sequence("leave", memory=True, children=[skip, *ends])


def _answer_fault(activities: Sequence[Activity], recover: TaskLeaf, desk: Desk) -> Behaviour:
    """The mission does not come back after a blocking fault, however the response ends."""
    skip = SkipWaiting(activities, desk, "a fault ended the mission")
    children = [FaultRaised(desk), skip, _try(recover)]
    return py_trees.composites.Sequence("fault", memory=True, children=children)


def _close(leaves: Sequence[TaskLeaf], executive: Executive) -> Behaviour:
    """Survival and abort: stow and stay anchored. Letting go is the hazard here, so nothing is released."""
    keep = [leaf.activity for leaf in leaves if leaf.name != "stow"]
    stow = [_try(leaf.again(closes=True)) for leaf in leaves if leaf.name == "stow"]
    skip = SkipWaiting(keep, executive.desk, "the mission was closed before it")
    return py_trees.composites.Sequence("close", memory=True, children=[Closing(executive), skip, *stow])


def _try(leaf: TaskLeaf) -> Behaviour:
    return py_trees.decorators.FailureIsSuccess(name=f"try {leaf.name}", child=leaf)


class EStop(Behaviour):
    """Succeeds, and with it ends everything, once the operator has pressed the e-stop."""

    def __init__(self, executive: Executive) -> None:
        super().__init__(name="e-stop")
        self._executive = executive

    def update(self) -> Status:
        """SUCCESS once it is pressed."""
        desk = self._executive.desk
        pressed = desk.operator.estop
        if pressed is None:
            return Status.FAILURE
        desk.ended = stopped("operator.estop", f"e-stop by {pressed.who}" + (f": {pressed.why}" if pressed.why else ""))
        desk.faults.append("operator.estop")  # what runs is interrupted for it as soon as this branch has won
        self._executive.skip_waiting(desk.ended)
        return Status.SUCCESS


class FaultRaised(Behaviour):
    """Succeeds once a blocking fault was raised."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(name="fault raised")
        self._desk = desk

    def update(self) -> Status:
        """SUCCESS while a fault stands."""
        return Status.SUCCESS if self._desk.faults else Status.FAILURE


class Closing(Behaviour):
    """Succeeds once the mission is to be closed and nothing is left to bring home or to put on the ground."""

    def __init__(self, executive: Executive) -> None:
        super().__init__(name="closing")
        self._executive = executive

    def update(self) -> Status:
        """SUCCESS when the closing branch may take over."""
        desk = self._executive.desk
        why = desk.closing
        if why is None or why.code in HOLDS:
            return Status.FAILURE
        if desk.ended is None:
            desk.ended = why
        busy = desk.running is not None or not self._executive.essential_done
        return Status.FAILURE if busy else Status.SUCCESS


class Asleep(Behaviour):
    """Holds the robot while it sleeps and nothing is left to bring home or to put on the ground."""

    def __init__(self, executive: Executive) -> None:
        super().__init__(name="asleep")
        self._executive = executive

    def update(self) -> Status:
        """RUNNING while it sleeps."""
        executive = self._executive
        still = executive.desk.running is None and executive.essential_done
        return Status.RUNNING if executive.survival.asleep and executive.parked is None and still else Status.FAILURE


class Idle(Behaviour):
    """Stays and listens once nothing is left to do; everything above it takes over as ever."""

    def __init__(self, desk: Desk, stay_s: float) -> None:
        super().__init__(name="idle")
        self._desk, self._stay_us = desk, round(1e6 * stay_s)
        self._since_us: int | None = None

    def update(self) -> Status:
        """RUNNING for as long as it stays, SUCCESS after that."""
        self._since_us = self._desk.now_us if self._since_us is None else self._since_us
        return Status.RUNNING if self._desk.now_us - self._since_us < self._stay_us else Status.SUCCESS


class Paused(Behaviour):
    """Holds the robot while it is paused and nothing is left to bring home."""

    def __init__(self, executive: Executive) -> None:
        super().__init__(name="paused")
        self._executive = executive

    def update(self) -> Status:
        """RUNNING while it holds."""
        desk = self._executive.desk
        held = desk.operator.paused_us is not None and desk.running is None and self._executive.essential_done
        return Status.RUNNING if held else Status.FAILURE


class SkipWaiting(Behaviour):
    """Marks every activity that has not begun as skipped, for one reason."""

    def __init__(self, activities: Sequence[Activity], desk: Desk, reason: str) -> None:
        super().__init__(name="skip the rest")
        self._activities, self._desk = activities, desk
        self._why = Progress("skipped", code="task.skipped", reason=reason)

    def update(self) -> Status:
        """Always SUCCESS."""
        for activity in self._activities:
            if activity.state == "waiting":
                self._desk.leave_out(activity, self._why)
        return Status.SUCCESS
