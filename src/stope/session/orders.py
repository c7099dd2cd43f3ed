"""OrderBox: a person's orders to a running mission: those given beforehand, and those of `stope operate`.

The file `orders.jsonl` in the run's folder is the way in, `answers.jsonl` beside it the way back: a line of JSON each,
so that a shell, a web page or a ground station can order, and everything ordered stays on record. Both are bounded: a
file that somebody fills is read a little at a time and never waited for.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any

from stope.clock import HostClock
from stope.executive.operator import VERBS, Answer, Order
from stope.mission.errors import InputError

ORDERS, ANSWERS = "orders.jsonl", "answers.jsonl"
LOOK_US = 200_000  # of run time between looks at the file: a person waits no longer
LOOK_AGAIN_S = 0.05  # of host time, between looks for an answer
LINE_BYTES, READ_BYTES, MOST = 2_000, 65_536, 10_000


class OrderBox:
    """Orders that are due.

    Attributes:
        read: bytes of the orders' file that were heard. nonsense: lines that are no orders, not yet answered.

    Args:
        beforehand: "verb@seconds" each. folder: where the files are; None listens to nobody.
        again: orders of a run that goes on, each due when it was; `read` bytes of the file have been heard, and nothing
            is heard before `from_us`, up to where the first run had come.

    Raises:
        InputError: an order beforehand that is none.
    """

    def __init__(
        self,
        beforehand: tuple[str, ...],
        folder: Path | None,
        again: tuple[Order, ...] = (),
        read: int = 0,
        from_us: int = 0,
    ) -> None:
        given = (*(parse_order(text) for text in beforehand), *again)
        self._waiting = sorted(given, key=lambda order: order.time_us)
        self._file = folder / ORDERS if folder is not None else None
        self._answers = folder / ANSWERS if folder is not None else None
        self.read, self._next_us, self._heard = read, from_us, len(again)
        self._part = b""
        self._told = 0
        self.nonsense: list[str] = []

    @property
    def present(self) -> bool:
        """Whether anybody has ordered anything so far, or will: then approvals are worth waiting for."""
        return bool(self._waiting) or self._heard > 0

    def due(self, now_us: int) -> list[Order]:
        """Orders to be carried out now, oldest first."""
        found = []
        while self._waiting and self._waiting[0].time_us <= now_us:
            found.append(self._waiting.pop(0))
        if self._file is not None and now_us >= self._next_us:
            self._next_us = now_us + LOOK_US
            found += self._look(self._file, now_us)
        return found

    def answer(self, answers: list[Answer]) -> None:
        """Tell those who ordered what became of it."""
        new, self._told = answers[self._told :], len(answers)
        if self._answers is None or not (new or self.nonsense):
            return
        lines = [json.dumps(asdict(each)) for each in new]
        lines += [json.dumps({"order": None, "accepted": False, "sentence": each}) for each in self.nonsense]
        self.nonsense.clear()
        with self._answers.open("a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def _look(self, file: Path, now_us: int) -> list[Order]:
        try:
            if os.stat(file).st_size <= self.read:
                return []
            with file.open("rb") as stream:
                stream.seek(self.read)
                data = stream.read(READ_BYTES)
        except OSError:
            return []  # not there yet
        self.read += len(data)
        *lines, self._part = (self._part + data).split(b"\n")
        if len(self._part) > LINE_BYTES:
            self.nonsense.append(f"a line of more than {LINE_BYTES} bytes")
            self._part = b""
        return [order for line in lines if line.strip() and (order := self._order(line, now_us)) is not None]

    def _order(self, line: bytes, now_us: int) -> Order | None:
        self._heard += 1
        if self._heard > MOST:
            return None
        try:
            told: Any = json.loads(line) if len(line) <= LINE_BYTES else None
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict) or told.get("verb") not in VERBS:
            self.nonsense.append(f"not an order: {line[:80].decode('utf-8', 'replace')!r}")
            return None
        return Order(str(told["verb"]), now_us, str(told.get("who", "operator"))[:64], str(told.get("why", ""))[:200])


def parse_order(text: str) -> Order:
    """`verb@seconds` as an order.

    Raises:
        InputError: it is none.
    """
    verb, _, when = text.partition("@")
    try:
        seconds = float(when)
    except ValueError:
        seconds = -1.0
    if verb not in VERBS or not 0.0 <= seconds <= 1e7:
        raise InputError("--order", read=f"'{text}'", expected=f"VERB@SECONDS with one of {', '.join(VERBS)}")
    return Order(verb, round(seconds * 1e6), "command line")


def give_order(folder: Path, verb: str, who: str, why: str) -> int:
    """Write an order for the run in `folder`; how many answers there were before.

    Raises:
        InputError: no such run.
    """
    if not folder.is_dir():
        raise InputError("stope operate", read=f"'{folder}'", expected="the folder of a run that is under way")
    before = len(read_answers(folder))
    with (folder / ORDERS).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"verb": verb, "who": who, "why": why}) + "\n")
    return before


def read_answers(folder: Path) -> list[dict[str, Any]]:
    """What the run in `folder` has answered so far."""
    file = folder / ANSWERS
    if not file.is_file():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def wait_for_answer(folder: Path, before: int, patience_s: float) -> dict[str, Any] | None:
    """The first answer after the first `before`, or None when none comes within `patience_s` of host time."""
    host, due = HostClock(), Event()
    began = host.now_s()
    while True:
        answers = read_answers(folder)
        if len(answers) > before:
            return answers[before]
        if host.now_s() - began > patience_s:
            return None
        due.wait(LOOK_AGAIN_S)
