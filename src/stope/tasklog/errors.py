"""What can be wrong with a log, in one sentence each."""

from __future__ import annotations

from stope.confined import RefusedError


class TaskLogError(RefusedError):
    """A log that cannot be written or read as asked; the message names the file and says why."""


class NotALogError(TaskLogError):
    """The file is not MCAP, or not one that can be read within the limits of `scan.Limits`."""


class TruncatedLogError(TaskLogError):
    """The file ends before its end mark, as after a kill or a lost link. What was read before this is sound."""


class DamagedLogError(TaskLogError):
    """A checksum or a length inside the file is wrong. What was read before this is sound, but look for gaps."""
