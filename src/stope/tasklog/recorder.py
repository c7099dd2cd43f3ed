"""The recorder thread: a bounded queue on one side, the file on the other, and a flush at least every second."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from stope.clock import HostClock
from stope.tasklog.appendfile import AppendFile
from stope.tasklog.backends import McapSink
from stope.tasklog.errors import TaskLogError
from stope.tasklog.messages import message_class

WhenFull = Literal["block", "drop"]
_POLL_S = 0.02  # batches are kinder to the control thread than a wake-up per message
_URGENT_EVERY_S = 0.1  # a storm of urgent messages must not turn into a storm of syncs


class Witness(Protocol):
    """Watches what is written and signs it from time to time."""

    def add(self, topic: str, time_ns: int, data: bytes) -> None:
        """Take a message that was written."""

    def message(self) -> bytes:
        """What it vouches for so far, as the bytes of a message."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file being written: where the bytes go, the MCAP writer on it, and who signs checkpoints; None for nobody."""

    file: AppendFile
    sink: McapSink
    witness: Witness | None


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a log goes on in a new file: at so many bytes, or after so much log time, whichever comes first.

    By time, two runs of one seed go on in a new file before the same message. By size they may not: how many bytes a
    message takes on the disk depends on when the host flushed.

    `following` opens the part after the present one, and `begin` writes its head once the present one is whole.
    Channels of every part have the same numbers.
    """

    at_bytes: int
    every_ns: int
    following: Callable[[Part], Part]
    begin: Callable[[Part, Part], None]


class Recorder:
    """Owns the file. Producers append to a queue and never wait for a disk, unless `when_full` is "block".

    In simulation a full queue blocks: time is ours and no message may be lost. On hardware it drops and counts:
    control must not wait for a disk; the counts go to /recorder/stats.

    Args:
        part: the file and its writer; after construction only the recorder's thread touches them.
        topics: topic by channel id of the writer.
        stats_channel, witness_channel: channels of /recorder/stats and of checkpoints.
        start_ns: log time of statistics while nothing else was written.
        clock: host time.
        capacity: messages that may wait.
        when_full: "block" or "drop".
        flush_s: longest host time that a written message stays off the disk.
        rotation: when to go on in a new file; None for never.
    """

    def __init__(
        self,
        part: Part,
        topics: list[str],
        stats_channel: int,
        witness_channel: int,
        start_ns: int,
        *,
        clock: HostClock,
        capacity: int,
        when_full: WhenFull,
        flush_s: float,
        rotation: Rotation | None = None,
    ) -> None:
        self._part, self._rotation, self._start_ns = part, rotation, start_ns
        self._part_ends_ns: float = start_ns + rotation.every_ns if rotation else math.inf
        self._topics, self._stats_channel, self._witness_channel = topics, stats_channel, witness_channel
        self._clock, self._capacity, self._when_full, self._flush_s = clock, capacity, when_full, flush_s
        self._queue: deque[tuple[int, bytes, int]] = deque()
        self._wake = threading.Event()
        self._change = threading.Condition()  # room in the queue, a finished flush, or the thread's end
        self._stop, self._alive, self._hurry, self._whole = False, True, False, False
        self._flush_asked, self._flush_done = 0, 0
        self._dropped: dict[int, int] = {}
        self._written, self._depth_max, self._slowest_s = 0, 0, 0.0
        self._last_ns, self._dirty = start_ns, False
        self._cut_s = clock.now_s()  # of this round: what is queued later is in a later batch
        self._due_s = self._stats_due_s = self._cut_s + flush_s
        self._last_flush_s = clock.now_s() - flush_s
        self._thread = threading.Thread(target=self._run, name=f"recorder {part.file.path.name}", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> dict[str, int]:
        """Messages lost so far, by topic."""
        return {self._topics[channel]: count for channel, count in sorted(self._dropped.items())}

    def put(self, channel: int, data: bytes, log_time_ns: int) -> None:
        """Queue a message.

        Raises:
            TaskLogError: with "block", when the file can no longer be written.
        """
        if (len(self._queue) >= self._capacity or not self._alive) and not self._room():
            self._dropped[channel] = self._dropped.get(channel, 0) + 1
            return
        self._queue.append((channel, data, log_time_ns))

    def hurry(self) -> None:
        """Flush soon (at most ten times per second), without waiting for it."""
        self._hurry = True
        self._wake.set()

    def flush(self) -> None:
        """Wait until everything queued so far is on the disk.

        Raises:
            TaskLogError: the file cannot be written.
        """
        with self._change:
            self._flush_asked += 1
            ticket = self._flush_asked
            self._wake.set()
            while self._flush_done < ticket and self._alive:
                self._change.wait()
        self._raise_failure()

    def close(self) -> None:
        """Write what waits, the last statistics, index and end mark; wait for the disk.

        Raises:
            TaskLogError: the file could not be written to its end.
        """
        self._stop = True
        self._wake.set()
        self._thread.join()
        self._raise_failure()
        if not self._whole:
            raise TaskLogError(f"{self._part.file.path}: the recorder stopped early; its traceback says why")

    def _room(self) -> bool:
        """True when the queue has room again; False when the message must be dropped."""
        self._wake.set()
        if self._when_full == "drop":
            return False
        with self._change:
            while len(self._queue) >= self._capacity and self._alive:
                self._change.wait()
        if not self._alive:
            self._raise_failure()
            raise TaskLogError(f"{self._part.file.path}: the log is closed")
        return True

    def _raise_failure(self) -> None:
        file = self._part.file
        if file.failure is not None:
            raise TaskLogError(
                f"{file.path}: cannot be written after {file.size} bytes: {file.failure.strerror}; what is there is "
                "readable: stope log recover"
            ) from file.failure

    def _run(self) -> None:
        try:
            while self._part.file.failure is None and self._turn():
                pass
            self._whole = self._finish(self._part)
        finally:
            self._part.file.close()
            with self._change:
                self._alive = False
                for channel, _, _ in self._queue:
                    self._dropped[channel] = self._dropped.get(channel, 0) + 1
                self._queue.clear()
                self._change.notify_all()

    def _turn(self) -> bool:
        """One round: wait, write a batch, flush when due. False after the last round."""
        if len(self._queue) < self._capacity // 2 and self._flush_done == self._flush_asked and not self._stop:
            self._wake.wait(_POLL_S)
        self._wake.clear()
        stop, asked, hurry = self._stop, self._flush_asked, self._hurry  # read before the batch that they cover
        if hurry:
            self._hurry = False
        before_s, self._cut_s = self._cut_s, self._clock.now_s()
        self._write_batch(before_s)
        now_s = self._clock.now_s()
        if hurry:
            self._due_s = min(self._due_s, self._last_flush_s + _URGENT_EVERY_S)
        if stop or (self._dirty and now_s >= self._stats_due_s):
            self._write_stats()
            self._stats_due_s = now_s + self._flush_s
        if stop or asked > self._flush_done or (self._dirty and now_s >= self._due_s):
            self._flush_to_disk()
            if self._rotation is not None and not stop and self._part.file.size >= self._rotation.at_bytes:
                self._rotate(self._rotation)
        with self._change:
            self._flush_done = asked
            self._change.notify_all()
        return not stop

    def _write_batch(self, since_s: float) -> None:
        """Write what waits; the oldest of it may have come at `since_s`, during a flush: from then on its time runs."""
        queue, write, witness, topics = self._queue, self._part.sink.write, self._part.witness, self._topics
        batch = len(queue)
        self._depth_max = max(self._depth_max, batch)
        last_ns = self._last_ns
        for _ in range(batch):
            channel, data, time_ns = queue.popleft()
            if time_ns >= self._part_ends_ns and self._rotation is not None:
                self._last_ns = last_ns
                self._rotate(self._rotation)
                self._part_ends_ns = self._next_end_ns(self._rotation, time_ns)
                write, witness = self._part.sink.write, self._part.witness
            write(channel, data, time_ns)
            if witness is not None:
                witness.add(topics[channel], time_ns, data)
            if time_ns > last_ns:
                last_ns = time_ns
        self._last_ns = last_ns
        if batch and not self._dirty:
            self._dirty, self._due_s = True, since_s + self._flush_s
        self._written += batch

    def _flush_to_disk(self) -> None:
        before = self._clock.now_s()
        self._part.sink.flush()
        self._part.file.sync()
        self._dirty, self._last_flush_s = False, self._clock.now_s()
        self._slowest_s = max(self._slowest_s, self._last_flush_s - before)

    @staticmethod
    def _finish(part: Part) -> bool:
        """Index, end mark, disk; True when the file is whole."""
        if part.file.failure is None:
            part.sink.finish()
            part.file.sync()
        return part.file.failure is None

    def _next_end_ns(self, rotation: Rotation, time_ns: int) -> int:
        """The next whole multiple of the rotation's time after `time_ns`, counted from the start of the run."""
        return self._start_ns + ((time_ns - self._start_ns) // rotation.every_ns + 1) * rotation.every_ns

    def _rotate(self, rotation: Rotation) -> None:
        """Go on in the next file. One that cannot be made is tried again later: the present one goes on meanwhile."""
        before = self._part
        try:
            following = rotation.following(before)
        except TaskLogError:
            return
        self._write_stats()
        self._finish(before)
        before.file.close()
        self._part = following
        if before.file.failure is not None:
            following.file.failure = before.file.failure
        rotation.begin(before, following)

    def _write_stats(self) -> None:
        lost = self.dropped
        self._written += 1
        stats = message_class("RecorderStats")(
            written=self._written,
            dropped=sum(lost.values()),
            dropped_topic=lost.keys(),
            dropped_count=lost.values(),
            queue_depth=len(self._queue),
            queue_depth_max=self._depth_max,
            file_size=self._part.file.size,
            longest_flush_s=self._slowest_s,
        )
        data = stats.SerializeToString()
        sink, witness = self._part.sink, self._part.witness
        sink.write(self._stats_channel, data, self._last_ns)
        if witness is not None:
            witness.add(self._topics[self._stats_channel], self._last_ns, data)
            sink.write(self._witness_channel, witness.message(), self._last_ns)
            self._written += 1
        self._depth_max, self._slowest_s = 0, 0.0
