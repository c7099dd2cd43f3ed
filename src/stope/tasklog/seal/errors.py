"""What can be wrong with a seal, a key or a policy, in one sentence each."""

from __future__ import annotations

from stope.tasklog.errors import TaskLogError


class SealError(TaskLogError):
    """A seal, key or policy that cannot be used; the message names the file and says why."""
