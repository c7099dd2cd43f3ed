"""Rules about the messages: no gap in a sequence, no mixing of clocks, arrays as long as the robot has joints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stope.tasklog.conform.finding import Report
from stope.tasklog.conform.ucum import is_ucum
from stope.tasklog.header import RunHeader
from stope.tasklog.records import ChannelRecord, MessageRecord

_DAY_NS = 86_400_000_000_000
#: Field that holds a code, by topic.
_CODES = {"/task/event": "reason", "/safety/event": "fault"}
_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+){1,3}")
_EPOCH_END_NS = 366 * _DAY_NS  # a log time in 1970 is a simulation that counts from 0


@dataclass(slots=True)
class _Row:
    channel: ChannelRecord
    sequence: int = 0
    last_ns: int = 0


class Stream:
    """Looks at each message as it passes."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._rows: dict[int, _Row] = {}
        self._in_1970 = self._later = False
        self._lengths: dict[str, Mapping[str, int]] = {}
        self.start_ns: int | None = None
        self.header: RunHeader | None = None

    def add(self, record: MessageRecord, decoded: Any) -> None:
        """Check one message; `decoded` is None where it could not be."""
        row = self._rows.setdefault(id(record.channel), _Row(record.channel))
        topic, expected = record.channel.topic, row.sequence + 1
        if record.sequence != expected and record.sequence != 0:
            sentence = f"read {record.sequence}, expected {expected}: a part of the file is missing"
            self._report.error("sequence.gap", topic, sentence)
        elif record.sequence == 0:
            self._report.warning("sequence.zero", topic, "the writer does not count, so gaps cannot be seen")
        row.sequence = record.sequence
        if record.log_time_ns < row.last_ns:
            sentence = f"goes back from {row.last_ns} to {record.log_time_ns} ns at message {record.sequence}"
            self._report.warning("time.order", topic, sentence)
        row.last_ns = record.log_time_ns
        self._check_clock(record)
        if decoded is not None and self.header is not None:
            self._check_arrays(record.channel, decoded)
        lost, mass = getattr(decoded, "dropped", 0), getattr(decoded, "amount_ug", 0)  # a stranger's may be anything
        if topic == "/recorder/stats" and isinstance(lost, int) and lost:
            self._report.warning("recorder.dropped", topic, f"the recorder lost {lost} messages")
        if topic == "/mass/parcel" and isinstance(mass, int) and mass < 0:
            self._report.error("mass.negative", topic, f"read {mass} ug, expected 0 or more: swap the accounts")

        if topic in _CODES:
            self._check_codes(topic, decoded)

    def _check_codes(self, topic: str, decoded: Any) -> None:
        """A stranger's message may lack any of these fields; what it says is held to the grammar."""
        field = _CODES[topic]
        code, unit = getattr(decoded, field, ""), getattr(decoded, "unit", "")
        if isinstance(code, str) and code and not _CODE.fullmatch(code):
            sentence = f"read {code[:60]!r}, expected words and dots, the group first: anchors.insufficient"
            self._report.error("code.grammar", f"{topic} {field}", sentence)
        if isinstance(unit, str) and unit and not is_ucum(unit):
            self._report.error("code.unit", topic, f"read unit {unit[:40]!r}, expected UCUM")

    def _check_clock(self, record: MessageRecord) -> None:
        topic, time_ns = record.channel.topic, record.log_time_ns
        self._in_1970 |= time_ns < _EPOCH_END_NS
        self._later |= time_ns >= _EPOCH_END_NS
        if self._in_1970 and self._later:
            self._report.error("time.mixed", topic, "log times in 1970 and today in one file; use one clock")
        if self.start_ns is not None and time_ns < self.start_ns:
            sentence = f"read log time {time_ns}, expected at least start_utc_ns, {self.start_ns}"
            self._report.error("time.start", topic, sentence)
        if record.publish_time_ns != time_ns:
            self._report.warning("time.publish", topic, "publish time and log time differ; the format keeps them equal")

    def _check_arrays(self, channel: ChannelRecord, decoded: Any) -> None:
        if channel.topic not in self._lengths:
            self._lengths[channel.topic] = _lengths(channel, self.header)
        for field, length in self._lengths[channel.topic].items():
            values = getattr(decoded, field, ())
            read = len(values) if hasattr(values, "__len__") else 1
            if read not in (0, length):
                sentence = f"read {read} values, expected {length} as the robot model says, or none for a gap"
                self._report.error("array.length", f"{channel.topic} {field}", sentence)


def _lengths(channel: ChannelRecord, header: RunHeader | None) -> dict[str, int]:
    """Length by array field, where every axis is known from the robot model."""
    found = {}
    for key, axes in channel.metadata.items():
        field = key.removeprefix("axis.")
        if field != key and "." not in field and header is not None:
            names = [header.axis_names(axis) for axis in axes.split(",")]
            if all(names):
                length = 1
                for axis in names:
                    length *= len(axis)
                found[field] = length
    return found
