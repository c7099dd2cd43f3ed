"""Task: one task of the mission with the conditions under which it begins, goes on and counts as done.

The conditions are PLEXIL's. While it waits: `skip` (any true: skipped) and `start` (all true: go). Once, then: `pre`
(all true, else refused). In every tick: `exit` (any true: interrupted, on purpose) and `invariant` (all true, else
failed). At the end: the controller says done and `end` is true, then `post` (all true, else failed), then `repeat` (any
true: again).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stope.control.goal import Progress, TaskController, View
from stope.executive.activity import Activity
from stope.executive.condition import Condition

MakeController = Callable[[View, Activity], TaskController]
Conditions = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a recovery ladder: after these failures, so many times, try again in another way.

    Attributes:
        codes: reason codes that it answers.
        times: how often in the life of an activity.
        what: in words, for the log.
        make: the controller of the next try.
        first: run before it, whatever it comes to: the remedy.
        ask: the operator decides whether it is tried; skipped where nobody is there to ask.
    """

    codes: tuple[str, ...]
    times: int
    what: str
    make: MakeController
    first: MakeController | None = None
    ask: bool = False

    def answers(self, why: Progress) -> bool:
        """Whether this rung is for that failure."""
        return why.code in self.codes


@dataclass(frozen=True, slots=True)
class Task:
    """One task; see the module for the conditions.

    Attributes:
        make: builds the controller when the task starts, from the view of that moment and what earlier tries did.
        resources: what it works with; a task whose resource a fault took away is refused.
        ladder: what is tried after which failure, in order.
        undo: brings the robot back from a task that was left half done and cannot wind up by itself.
        most_repeats: how often `repeat` is listened to.
    """

    name: str
    timeout_s: float
    make: MakeController
    start: Conditions = ()
    skip: Conditions = ()
    pre: Conditions = ()
    invariant: Conditions = ()
    end: Conditions = ()
    post: Conditions = ()
    repeat: Conditions = ()
    exit: Conditions = ()
    resources: frozenset[str] = frozenset()
    ladder: tuple[Rung, ...] = ()
    undo: MakeController | None = None
    most_repeats: int = 5
