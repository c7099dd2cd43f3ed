"""TaskLogWriter: (topic, message, time) -> file."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import index
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from stope.clock import HostClock
from stope.tasklog import messages
from stope.tasklog.appendfile import AppendFile
from stope.tasklog.backends import Backend, open_sink
from stope.tasklog.errors import TaskLogError
from stope.tasklog.header import MISSION_ATTACHMENT, RECORD, ROBOT_ATTACHMENT, RunHeader, utc_text
from stope.tasklog.parts import PART, part_path, part_record
from stope.tasklog.recorder import Part, Recorder, Rotation, WhenFull, Witness
from stope.tasklog.seal.salts import SALTS, new_salts
from stope.tasklog.topics import TOPICS, Topic

if TYPE_CHECKING:
    from stope.tasklog.seal.keys import PrivateKey


@dataclass(frozen=True, slots=True)
class _Route:
    message: Any
    channel: int
    urgent: bool


class TaskLogWriter:
    """Writes one run's log, off the caller's path.

    `write` serialises and queues, a few microseconds; a thread compresses, flushes and syncs at least once per second
    of host time, and at once for urgent topics. A kill loses at most that second. Use as a context manager.

    Args:
        path: a new file; it is never overwritten.
        header: written first.
        start_utc_ns: UTC of run time 0, in ns since 1970: log time = `start_utc_ns` + `time_us` * 1000.
        backend: "foxglove" (Rust) or "python" (pure Python, where there is no wheel of the other).
        when_full: "block" in simulation, "drop" (and count, in /recorder/stats) on hardware.
        capacity: messages that may wait in the queue.
        flush_s: longest host time that a written message waits for a flush; with the flush itself about a second.
        clock: host time, for the flush alone.
        signer: the robot's key (`stope.tasklog.seal.keys.PrivateKey`): a signed checkpoint goes into the log with
            every time-bounded flush. By default the key that STOPE_ROBOT_KEY names, else there are no checkpoints.
        rotate_bytes, rotate_s: go on in a new file (`stope.tasklog.parts`) at so many bytes, or at every multiple of
            so much run time.

    Raises:
        TaskLogError: the file exists or cannot be created, the backend is not there, or the header contradicts itself.
    """

    def __init__(
        self,
        path: Path,
        header: RunHeader,
        *,
        start_utc_ns: int,
        backend: Backend = "foxglove",
        when_full: WhenFull = "block",
        capacity: int = 4096,
        flush_s: float = 0.9,
        clock: HostClock | None = None,
        signer: PrivateKey | None = None,
        rotate_bytes: int | None = None,
        rotate_s: float | None = None,
    ) -> None:
        head = _Head(_started(header, start_utc_ns), start_utc_ns, backend, signer)
        self.path = Path(path)
        self._start_ns = start_utc_ns
        part = head.open(self.path)
        try:
            head.write(part, {})
            if part.file.failure is not None:
                raise TaskLogError(f"{part.file.path}: cannot be written: {part.file.failure.strerror}")
        except BaseException:
            part.file.close()
            self.path.unlink()  # nothing half-written
            raise
        self._routes = {
            topic: _Route(messages.message_class(row.schema), number, row.urgent)
            for number, (topic, row) in enumerate(TOPICS.items())
        }
        self._recorder = Recorder(
            part,
            list(TOPICS),
            self._routes["/recorder/stats"].channel,
            self._routes["/audit/checkpoint"].channel,
            start_utc_ns,
            clock=clock or HostClock(),
            capacity=capacity,
            when_full=when_full,
            flush_s=flush_s,
            rotation=head.rotation(self.path, rotate_bytes, rotate_s),
        )
        self._closed = False

    def write(self, topic: str, message: Any, time_us: int) -> None:
        """Queue a message, or the bytes of one, at run time `time_us`.

        Raises:
            TaskLogError: no such topic, another topic's message, the log is closed, or (with "block") the file can no
                longer be written.
        """
        route = self._routes.get(topic)
        if route is None or message.__class__ is not route.message:
            route, data = self._unusual(topic, message)
        else:
            data = message.SerializeToString()
        log_time_ns = self._start_ns + index(time_us) * 1000
        if log_time_ns < 0:
            raise TaskLogError(f"run time {time_us} us is before 1970")
        self._recorder.put(route.channel, data, log_time_ns)
        if route.urgent:
            self._recorder.hurry()

    @property
    def dropped(self) -> Mapping[str, int]:
        """Messages lost so far, by topic; always empty with "block"."""
        return self._recorder.dropped

    def flush(self) -> None:
        """Wait until everything written so far is on the disk.

        Raises:
            TaskLogError: the file cannot be written.
        """
        self._recorder.flush()

    def close(self) -> None:
        """Finish the file. Safe to call twice.

        Raises:
            TaskLogError: the file could not be written to its end; what is there is readable.
        """
        if not self._closed:
            self._closed = True
            self._recorder.close()

    def __enter__(self) -> TaskLogWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _unusual(self, topic: str, message: Any) -> tuple[_Route, bytes]:
        """Bytes, a class of the same message from elsewhere, or a mistake."""
        if topic not in self._routes:
            close = difflib.get_close_matches(topic, self._routes, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TaskLogError(f"no topic {topic!r} in the log format{hint}")
        route = self._routes[topic]
        if isinstance(message, bytes):
            return route, message
        found = getattr(getattr(message, "DESCRIPTOR", None), "full_name", type(message).__name__)
        if found != TOPICS[topic].schema:
            raise TaskLogError(f"topic {topic} carries {TOPICS[topic].schema}, not {found}")
        return route, message.SerializeToString()


def channel_metadata(row: Topic) -> dict[str, str]:
    """What a channel says of itself to a reader who has neither our protos nor our topic table."""
    units = {**messages.field_units(row.schema), **row.units}
    return {
        "deterministic": "true" if row.deterministic else "false",
        **({"truth": "simulation-only"} if row.truth else {}),
        **{f"unit.{path}": unit for path, unit in units.items()},
        **{f"axis.{path}": axis for path, axis in messages.field_axes(row.schema).items()},
    }


def _started(header: RunHeader, start_utc_ns: int) -> RunHeader:
    if not 0 <= start_utc_ns < 2**63:
        raise TaskLogError(f"start of the run: {start_utc_ns} ns since 1970 does not fit 63 bits")
    text = utc_text(start_utc_ns)
    if header.start_utc and header.start_utc != text:
        raise TaskLogError(f"run header says start {header.start_utc}, the writer was given {text}")
    return replace(header, start_utc=text)


def _witness(signer: PrivateKey | None, run: Mapping[str, str], salts: Mapping[str, str]) -> Witness | None:
    if signer is None and not os.environ.get("STOPE_ROBOT_KEY"):
        return None  # cryptography (extra `seal`) is not needed
    from stope.tasklog.seal.checkpoints import CheckpointWriter, key_from_environment

    key = signer or key_from_environment()
    return CheckpointWriter(key, run, salts) if key is not None else None


class _Head:
    """Opens the files of one run's log and writes what each begins with."""

    def __init__(self, header: RunHeader, start_utc_ns: int, backend: Backend, signer: PrivateKey | None) -> None:
        self._header, self._start_ns, self._backend, self._signer = header, start_utc_ns, backend, signer
        self._record = {**header.metadata(), "start_utc_ns": str(start_utc_ns)}

    def open(self, path: Path) -> Part:
        """A new file with every channel of the topic table, numbered as it is."""
        salts = new_salts(TOPICS)
        witness = _witness(self._signer, self._record, salts)
        file = AppendFile(path)
        try:
            sink = open_sink(self._backend, file)
            for topic, row in TOPICS.items():
                sink.channel(topic, row.schema, messages.schema_bytes(row.schema), channel_metadata(row))
            sink.metadata(SALTS, salts)
        except BaseException:
            file.close()
            path.unlink()
            raise
        return Part(file, sink, witness)

    def write(self, part: Part, more: Mapping[str, str]) -> None:
        """Run header and attachments; `more` is what a part says of itself. A failure stays with the file."""
        sink, header = part.sink, self._header
        sink.metadata(RECORD, self._record)
        if more:
            sink.metadata(PART, more)
        for name, text in ((MISSION_ATTACHMENT, header.mission_json), (ROBOT_ATTACHMENT, header.robot_json)):
            sink.attach(name, "application/json", text.encode(), self._start_ns)
        sink.flush()
        part.file.sync()

    def rotation(self, path: Path, at_bytes: int | None, at_s: float | None) -> Rotation | None:
        """How the log goes on after `path`; None when it never does."""
        if at_bytes is None and at_s is None:
            return None
        number = 1

        def following(_before: Part) -> Part:
            nonlocal number
            part = self.open(part_path(path, number + 1))
            number += 1
            return part

        def begin(before: Part, part: Part) -> None:
            if part.file.failure is None:
                self.write(part, part_record(number, before.file.path))

        return Rotation(at_bytes or 2**63, max(1, round(at_s * 1e9)) if at_s else 2**63, following, begin)
