"""PlannerProcess: the replanner as a process of its own, so that control is never late because somebody thinks.

Spawned, never forked, and no thread: a planner in a thread made 47 % of 200 Hz control ticks late (planner.md, 5.1). A
planner that is late or dead is not waited for: the rest of the current plan is carried on, and it is started again.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from stope.clock import HostClock
from stope.planning.luck import Spread
from stope.planning.problem import Problem
from stope.planning.replanner import Decision, Policy, Replanner, Situation, carry_on
from stope.planning.solver import Ask, Route, solve

LATE_S = 1.0  # of host time, after which an answer is not waited for (planner.md 4.5)
START_S = 60.0  # imports and compiled code, before the first question
END_S = 2.0
NICE = 10  # where cores are scarce, control goes first

_Question = tuple[int, Situation, tuple[Route, ...], str]


class PlannerProcess:
    """Implements `closedloop.Planner`; `close` it.

    Args:
        spread: as of `Replanner`. late_s: how long an answer is waited for.

    Attributes:
        late, restarts: how often it was not waited for, and started again.
    """

    def __init__(
        self, nominal: Problem, policy: Policy, seed: int, spread: Spread | None = None, late_s: float = LATE_S
    ) -> None:
        self._what, self._late_s, self._host = (nominal, policy, seed, spread), late_s, HostClock()
        self.calls = self.late = self.restarts = 0
        self._start()

    @property
    def pid(self) -> int:
        """Of the process; 0 when there is none."""
        return self._process.pid or 0

    def replan(self, now: Situation, current: Sequence[Route], reason: str) -> Decision:
        """As `Replanner.replan`; the current plan when no answer comes in time."""
        if not self._process.is_alive():
            self._start_again()
        return self.ask(now, current, reason)()

    def ask(self, now: Situation, current: Sequence[Route], reason: str) -> Callable[[], Decision]:
        """Put the question and return at once; an older one is forgotten. What is returned waits for the answer.

        Control may ask: a dead planner is not started again here but in the next `replan`, which may take its time.
        """
        number = self._put(now, current, reason)
        return lambda: self._wait(number, current, reason)

    def _wait(self, number: int, current: Sequence[Route], reason: str) -> Decision:
        if number != self.calls:
            return carry_on(current, f"{reason}: asked anew before there was an answer")
        until = self._host.now_s() + self._late_s
        while (left_s := until - self._host.now_s()) > 0.0:
            found = self.answer(left_s)
            if found is not None:
                return found
            if not self._process.is_alive():
                return carry_on(current, f"{reason}: the planner died, the current plan is carried on")
        self.late += 1
        return carry_on(current, f"{reason}: the planner is late, the current plan is carried on")

    def _put(self, now: Situation, current: Sequence[Route], reason: str) -> int:
        """Put the question; its number."""
        self.calls += 1
        question: _Question = (self.calls, now, tuple(tuple(route) for route in current), reason)
        with contextlib.suppress(OSError):  # it is dead: whoever waits for the answer finds out
            self._line.send(question)
        return self.calls

    def answer(self, wait_s: float = 0.0) -> Decision | None:
        """The answer to the newest question, if it has come."""
        try:
            while self._line.poll(wait_s):
                number, decision = self._line.recv()
                if number == self.calls:
                    return decision  # type: ignore[no-any-return]
        except (EOFError, OSError):
            self._process.join(END_S)
        return None

    def close(self) -> None:
        """End the process."""
        self._line.close()
        self._process.join(END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _start_again(self) -> None:
        self.restarts += 1
        self.close()
        self._start()

    def _start(self) -> None:
        """Start it and wait until it is ready to answer.

        Raises:
            TimeoutError: it does not come up.
        """
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, *self._what), daemon=True, name="planner")
        self._process.start()
        theirs.close()
        if not self._line.poll(START_S):
            self._process.kill()
            raise TimeoutError(f"the planner's process was not ready after {START_S:.0f} s")
        self._line.recv()


def _serve(line: Connection, nominal: Problem, policy: Policy, seed: int, spread: Spread | None) -> None:
    """Answer questions until the line closes; of several that wait only the newest."""
    os.nice(NICE)
    planner = Replanner(nominal, policy, seed, spread)
    solve(nominal, Ask(2))  # loads compiled code
    with contextlib.suppress(EOFError, OSError):
        line.send(None)
        while True:
            question: _Question = line.recv()
            while line.poll():
                question = line.recv()
            number, now, current, reason = question
            planner.calls = number - 1  # as if it had heard them all: the same question gives the same answer
            line.send((number, planner.replan(now, current, reason)))


__all__ = ["LATE_S", "PlannerProcess"]
