"""Operator: what a person may order while the mission runs, what must wait for him, and the answer to each order.

Every order is answered at once, accepted or refused, with a reason. Nothing waits for ever: an approval that nobody
gives, and a pause that nobody ends, run out in run time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, get_args

Verb = Literal["pause", "resume", "skip", "abort", "approve", "estop"]
VERBS: tuple[str, ...] = get_args(Verb)
ESSENTIAL = ("descend", "anchor")  # what keeps the robot on the ground is not skipped

APPROVAL_S = 600.0  # of run time that an activity waits for its approval
PAUSE_S = 3600.0  # of run time that a pause may last: after that the robot is parked for good


class Mode(Enum):
    """Where the mission stands, for people."""

    IDLE = "idle"
    AWAITING = "awaiting approval"
    RUNNING = "running"
    PAUSED = "paused"
    FAULT = "fault"
    ESTOP = "e-stop"


@dataclass(frozen=True, slots=True)
class Order:
    """One order: what, when (run time at which it was heard), by whom and why."""

    verb: str
    time_us: int
    who: str = "operator"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an order."""

    order: Order
    accepted: bool
    sentence: str


@dataclass(slots=True)
class Operator:
    """The operator's side of the desk.

    Attributes:
        ask: tasks that begin only after an approval.
        present: whether anybody is there to be asked; without, what needs an approval beyond `ask` is not done.
        mode: set by the tree.
        pending: what waits for approval, and since when (run time).
        approved: what was approved.
        paused_us: since when the mission is paused; None while it is not.
        skip, abort, estop: orders that were accepted and are not carried out yet; the tree takes them.
        answers: all of them, for the log.
    """

    ask: frozenset[str] = frozenset()
    present: bool = False
    mode: Mode = Mode.IDLE
    pending: tuple[str, int] | None = None
    approved: set[str] = field(default_factory=set)
    paused_us: int | None = None
    skip: Order | None = None
    abort: Order | None = None
    estop: Order | None = None
    answers: list[Answer] = field(default_factory=list)

    def take(self, order: Order, task: str) -> Answer:
        """Accept or refuse `order`; `task` is what runs or comes next, empty when there is nothing."""
        refusal = self._refusal(order, task)
        answer = Answer(order, not refusal, refusal or f"{order.verb} accepted{f' during {task}' if task else ''}")
        if answer.accepted:
            self._accept(order)
        self.answers.append(answer)
        return answer

    def consents(self, to: str, now_us: int) -> bool | None:
        """Whether `to` was approved: None while the answer is waited for, False once nobody gave one in time."""
        if to in self.approved:
            return True
        if self.pending is None or self.pending[0] != to:
            self.pending = (to, now_us)
        if now_us - self.pending[1] <= APPROVAL_S * 1e6:
            return None
        self.pending = None
        return False

    def _refusal(self, order: Order, task: str) -> str:
        match order.verb:
            case "estop":
                return "the e-stop is pressed already" if self.estop else ""
            case _ if self.mode in (Mode.FAULT, Mode.ESTOP):
                return f"the mission is in {self.mode.value}: only the e-stop is heard"
            case "pause":
                return "it is paused already" if self.paused_us is not None else ""
            case "resume":
                return "it is not paused" if self.paused_us is None else ""
            case "skip":
                if not task:
                    return "nothing is left to skip"
                return f"{task} holds the robot down and is not skipped: abort instead" if task in ESSENTIAL else ""
            case "approve":
                return "nothing waits for approval" if self.pending is None else ""
            case "abort":
                return "it is being aborted already" if self.abort else ""
        return f"'{order.verb}' is none of {', '.join(VERBS)}"

    def _accept(self, order: Order) -> None:
        match order.verb:
            case "pause":
                self.paused_us = order.time_us
            case "resume":
                self.paused_us = None
            case "skip":
                self.skip = order
            case "abort":
                self.abort, self.paused_us = order, None
            case "estop":
                self.estop = order
            case "approve":
                assert self.pending is not None
                self.approved.add(self.pending[0])
                self.pending = None
