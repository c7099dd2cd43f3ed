"""A stranger's log in a child process with a ceiling: `stope.confined` with answers in JSON and the log's own error."""

from __future__ import annotations

import json
from typing import Any

from stope.confined import Ceiling, CeilingError, RefusedError
from stope.confined import confined as confined_bytes
from stope.tasklog.errors import TaskLogError


def confined(task: str, *arguments: str, ceiling: Ceiling | None = None) -> Any:
    """Run `task` with text arguments in a child and return its answer, which is JSON.

    Raises:
        TaskLogError: what the task raised, or that it took more than it may.
    """
    try:
        return json.loads(confined_bytes(task, *arguments, ceiling=ceiling or Ceiling()))
    except RefusedError as error:
        raise TaskLogError(str(error)) from error
    except CeilingError as error:
        subject = next((word for word in arguments if word.endswith(".mcap")), arguments[-1])
        raise TaskLogError(f"{subject}: {error}") from error


__all__ = ["Ceiling", "confined"]
