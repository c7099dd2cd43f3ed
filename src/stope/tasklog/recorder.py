"""The recorder thread: a bounded queue on one side, the file on the other, and a flush at least every second."""

from __future__ import annotations

import threading
from collections import deque
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


class Recorder:
    """Owns the file. Producers append to a queue and never wait for a disk, unless `when_full` is "block".

    In simulation a full queue blocks: time is ours and no message may be lost. On hardware it drops and counts:
    control must not wait for a disk; the counts go to /recorder/stats.

    Args:
        file: where the bytes go.
        sink: the MCAP writer on `file`; after construction only the recorder's thread touches it.
        topics: topic by channel id of `sink`.
        stats_channel: channel of /recorder/stats.
        start_ns: log time of statistics while nothing else was written.
        clock: host time.
        capacity: messages that may wait.
        when_full: "block" or "drop".
        flush_s: longest host time that a written message stays off the disk.
        witness, witness_channel: who signs checkpoints, and where they go; None for nobody.
    """

    def __init__(
        self,
        file: AppendFile,
        sink: McapSink,
        topics: list[str],
        stats_channel: int,
        start_ns: int,
        *,
        clock: HostClock,
        capacity: int,
        when_full: WhenFull,
        flush_s: float,
        witness: Witness | None = None,
        witness_channel: int = -1,
    ) -> None:
        self._witness, self._witness_channel = witness, witness_channel
        self._file, self._sink, self._topics, self._stats_channel = file, sink, topics, stats_channel
        self._clock, self._capacity, self._when_full, self._flush_s = clock, capacity, when_full, flush_s
        self._queue: deque[tuple[int, bytes, int]] = deque()
        self._wake = threading.Event()
        self._change = threading.Condition()  # room in the queue, a finished flush, or the thread's end
        self._stop, self._alive, self._hurry, self._whole = False, True, False, False
        self._flush_asked, self._flush_done = 0, 0
        self._dropped: dict[int, int] = {}
        self._written, self._depth_max, self._slowest_s = 0, 0, 0.0
        self._last_ns, self._dirty = start_ns, False
        self._due_s = self._stats_due_s = clock.now_s() + flush_s
        self._last_flush_s = clock.now_s() - flush_s
        self._thread = threading.Thread(target=self._run, name=f"recorder {file.path.name}", daemon=True)
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
            raise TaskLogError(f"{self._file.path}: the recorder stopped early; its traceback says why")

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
            raise TaskLogError(f"{self._file.path}: the log is closed")
        return True

    def _raise_failure(self) -> None:
        failure = self._file.failure
        if failure is not None:
            raise TaskLogError(
                f"{self._file.path}: cannot be written after {self._file.size} bytes: {failure.strerror}"
            ) from failure

    def _run(self) -> None:
        try:
            while self._file.failure is None and self._turn():
                pass
            if self._file.failure is None:
                self._sink.finish()
                self._file.sync()
                self._whole = True
        finally:
            self._file.close()
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
        self._write_batch()
        now_s = self._clock.now_s()
        if hurry:
            self._due_s = min(self._due_s, self._last_flush_s + _URGENT_EVERY_S)
        if stop or (self._dirty and now_s >= self._stats_due_s):
            self._write_stats()
            self._stats_due_s = now_s + self._flush_s
        if stop or asked > self._flush_done or (self._dirty and now_s >= self._due_s):
            self._flush_to_disk()
        with self._change:
            self._flush_done = asked
            self._change.notify_all()
        return not stop

    def _write_batch(self) -> None:
        queue, write, witness, topics = self._queue, self._sink.write, self._witness, self._topics
        batch = len(queue)
        self._depth_max = max(self._depth_max, batch)
        last_ns = self._last_ns
        for _ in range(batch):
            channel, data, time_ns = queue.popleft()
            write(channel, data, time_ns)
            if witness is not None:
                witness.add(topics[channel], time_ns, data)
            if time_ns > last_ns:
                last_ns = time_ns
        self._last_ns = last_ns
        if batch and not self._dirty:
            self._dirty, self._due_s = True, self._clock.now_s() + self._flush_s
        self._written += batch

    def _flush_to_disk(self) -> None:
        before = self._clock.now_s()
        self._sink.flush()
        self._file.sync()
        self._dirty, self._last_flush_s = False, self._clock.now_s()
        self._slowest_s = max(self._slowest_s, self._last_flush_s - before)

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
            file_size=self._file.size,
            longest_flush_s=self._slowest_s,
        )
        data = stats.SerializeToString()
        self._sink.write(self._stats_channel, data, self._last_ns)
        if self._witness is not None:
            self._witness.add(self._topics[self._stats_channel], self._last_ns, data)
            self._sink.write(self._witness_channel, self._witness.message(), self._last_ns)
            self._written += 1
        self._depth_max, self._slowest_s = 0, 0.0
