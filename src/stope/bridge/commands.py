"""Commands that want an answer: sent again with the same seq every 50 ms, ten times at most, then told as unanswered.

The device remembers its last answers by seq, so that a repeat is answered and not run again. A command that moves
something is never one of these: set-points are a stream and are never repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stope.bridge.codec import DEVICE_COMPONENT, Received
from stope.bridge.dialect import Dialect
from stope.bridge.errors import DeniedError, NoAnswerError
from stope.bridge.fieldcheck import Value

RETRY_NS = 50_000_000
TRIES = 10
REMEMBERED = 64  #: answers kept for whoever asks later

Send = Callable[[str, Mapping[str, Value]], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended.

    Attributes:
        result: name of the RESULT, "" when ten tries got none; blocking: names of the faults in the way.
        time_us: device time of the answer; state: number of the SAFETY_STATE after it.
    """

    seq: int
    what: str
    result: str
    blocking: str = ""
    time_us: int = 0
    state: int = 0
    tries: int = 1

    @property
    def ok(self) -> bool:
        """Whether the device did it."""
        return self.result == "OK"

    def demand(self) -> Answer:
        """This answer if it is OK.

        Raises:
            NoAnswerError: there was none. DeniedError: the device refused.
        """
        if not self.result:
            raise NoAnswerError(
                f"the device did not answer {self.what} in {self.tries} tries: check the cable and the line rate "
                "(stope bridge monitor)"
            )
        if not self.ok:
            why = f" because of {self.blocking}" if self.blocking else ""
            raise DeniedError(
                f"the device refused {self.what}: {self.result}{why}; clear that and try again",
                self.result,
                self.blocking,
            )
        return self


def command_fields(dialect: Dialect, name: str, session: int, *params: float) -> dict[str, Value]:
    """Fields of a COMMAND, without its seq."""
    return {
        "session": session,
        "param": (*params, *[0.0] * (4 - len(params))),
        "command": dialect.code("COMMAND", name),
        "target_component": DEVICE_COMPONENT,
    }


@dataclass(slots=True)
class _Pending:
    what: str
    message: str
    fields: Mapping[str, Value]
    code: Value
    next_ns: int
    tries: int = 0


@dataclass(slots=True)
class CommandCounters:
    """How often it took more than one try."""

    sent: int = 0
    repeats: int = 0
    unanswered: int = 0
    unexpected: int = 0


class CommandDesk:
    """Commands under way.

    Args:
        send: puts a message on the wire.
        first_seq: above everything that the device has seen in this session, or it would answer from memory.
    """

    def __init__(self, dialect: Dialect, send: Send, first_seq: int) -> None:
        self._messages, self._results = dialect.messages, dialect.enums["RESULT"]
        self._faults = dialect.enums["FAULT"]
        self._send = send
        self._seq = first_seq
        self._pending: dict[int, _Pending] = {}
        self._answers: dict[int, Answer] = {}
        self.counters = CommandCounters()

    def next_seq(self) -> int:
        """A fresh sequence number; never 0, which says none."""
        self._seq = (self._seq + 1) & 0xFFFFFFFF or 1
        return self._seq

    def issue(self, what: str, message: str, fields: Mapping[str, Value], now_ns: int) -> int:
        """Send `message` (its `seq` is filled in here) until it is answered; returns the seq to ask `answer` for.

        Raises:
            CommandRefusedError: a value that no device may ever see. Nothing was sent.
        """
        seq = self.next_seq()
        code = fields.get("command", self._messages[message].id)  # what the answer will name
        pending = _Pending(what, message, {**fields, "seq": seq}, code, now_ns)
        self._try(pending, now_ns)
        self._pending[seq] = pending
        return seq

    def poll(self, now_ns: int) -> list[Answer]:
        """Repeat what is due; returns the commands given up."""
        given_up = []
        for seq, pending in list(self._pending.items()):
            if now_ns < pending.next_ns:
                continue
            if pending.tries < TRIES:
                self._try(pending, now_ns)
                self.counters.repeats += 1
                continue
            del self._pending[seq]
            self.counters.unanswered += 1
            given_up.append(self._remember(Answer(seq, pending.what, "", tries=pending.tries)))
        return given_up

    def answered(self, ack: Received) -> Answer | None:
        """Take a COMMAND_ACK; None for one that nobody waits for, or that only says that work goes on."""
        seq = ack.integer("seq")
        pending = self._pending.get(seq)
        if pending is None or pending.code != ack.integer("command"):
            self.counters.unexpected += 1
            return None
        result = self._results.name_of(ack.integer("result"))
        if result == "IN_PROGRESS":
            return None
        del self._pending[seq]
        blocking = ack.integer("blocking_flags")
        return self._remember(
            Answer(
                seq,
                pending.what,
                result,
                self._faults.name_of(blocking) if blocking else "",
                ack.integer("time_us"),
                ack.integer("safety_state"),
                pending.tries,
            )
        )

    def answer(self, seq: int) -> Answer | None:
        """The answer to `seq`, if it has come or was given up."""
        return self._answers.get(seq)

    def is_pending(self, what: str) -> bool:
        """Whether a command called `what` waits for its answer."""
        return any(pending.what == what for pending in self._pending.values())

    def withdraw(self, what: str) -> None:
        """Stop repeating commands called `what`: the opposite was asked for."""
        self._pending = {seq: pending for seq, pending in self._pending.items() if pending.what != what}

    def _try(self, pending: _Pending, now_ns: int) -> None:
        self._send(pending.message, pending.fields)
        pending.tries += 1
        pending.next_ns = now_ns + RETRY_NS
        self.counters.sent += 1

    def _remember(self, answer: Answer) -> Answer:
        self._answers[answer.seq] = answer
        while len(self._answers) > REMEMBERED:
            del self._answers[next(iter(self._answers))]
        return answer
