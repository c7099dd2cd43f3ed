"""(topic, message, time) -> file: write, read, export. Knows no robot."""

from stope.tasklog.errors import DamagedLogError, NotALogError, TaskLogError, TruncatedLogError
from stope.tasklog.header import RunHeader
from stope.tasklog.messages import message_class, new
from stope.tasklog.writer import TaskLogWriter

__all__ = [
    "DamagedLogError",
    "NotALogError",
    "RunHeader",
    "TaskLogError",
    "TaskLogWriter",
    "TruncatedLogError",
    "message_class",
    "new",
]
