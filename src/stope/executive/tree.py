"""The root tree: a fault first, then the mission.

Root (selector)
  Fault    a blocking fault was raised   -> recover, and end the mission anchored or lost
  Mission  the tasks in order; a tool task that fails does not keep the robot from leaving in good order
"""

from __future__ import annotations

from collections.abc import Sequence

import py_trees
from py_trees.behaviour import Behaviour
from py_trees.common import Status

from stope.control.goal import Progress, View
from stope.executive.activity import Activity, Desk
from stope.executive.leaf import MakeController, TaskLeaf

#: Tasks without which the later tool tasks make no sense; all others may fail and the robot still stows and leaves.
FOUNDATIONS = ("descend", "anchor", "pull_test")
LEAVING = ("stow", "release")


class Executive:
    """Ticks the tree at the executive's rate and knows when the mission is over.

    Args:
        view: the first view.
        activities: the plan, in order.
        makers: how to build each activity's controller, in the same order.
        recover: the fault response and how to build its controller.
        skips: reason by task name for tasks that are not to be run.
    """

    def __init__(
        self,
        view: View,
        activities: Sequence[Activity],
        makers: Sequence[MakeController],
        recover: tuple[Activity, MakeController],
        skips: dict[str, str],
    ) -> None:
        self.desk = Desk(view)
        self.activities = tuple(activities)
        self.recovery = recover[0]
        leaves = [
            TaskLeaf(activity, make, self.desk, skips.get(activity.task, ""))
            for activity, make in zip(activities, makers, strict=True)
        ]
        mission = py_trees.composites.Selector(
            "mission", memory=True, children=[_in_order(leaves), _leave(leaves, self.desk)]
        )
        fault = _answer_fault(self.activities, TaskLeaf(*recover, self.desk), self.desk)
        # Without memory: the fault is looked at in every tick, and takes over from whatever runs.
        self.root = py_trees.composites.Selector("root", memory=False, children=[fault, mission])
        self.finished = False

    def raise_fault(self, row: str) -> None:
        """A blocking row of the fault table was detected; the next tick answers it."""
        if row not in self.desk.faults:
            self.desk.faults.append(row)

    def end(self, row: str) -> None:
        """Nobody takes commands any more: what runs has failed for this row, and no response can be tried."""
        self.raise_fault(row)
        self.root.stop(Status.INVALID)
        self.finished = True

    def tick(self, view: View) -> None:
        """One tick of the tree; nothing happens once the mission is over."""
        if self.finished:
            return
        self.desk.view = view
        self.root.tick_once()
        self.finished = self.root.status in (Status.SUCCESS, Status.FAILURE)


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


def _try(leaf: TaskLeaf) -> Behaviour:
    return py_trees.decorators.FailureIsSuccess(name=f"try {leaf.name}", child=leaf)


class FaultRaised(Behaviour):
    """Succeeds once a blocking fault was raised."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(name="fault raised")
        self._desk = desk

    def update(self) -> Status:
        """SUCCESS while a fault stands."""
        return Status.SUCCESS if self._desk.faults else Status.FAILURE


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
                self._desk.end(activity, "skipped", self._why)
        return Status.SUCCESS
