"""What a command raises, as one sentence on stderr and an exit code.

0 passed, 1 the verdict is fail, 2 usage or input, 3 robot or link, 4 internal error, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from stope.mission.errors import InputError

FAILED, INPUT, ROBOT, INTERNAL, INTERRUPTED = 1, 2, 3, 4, 130
_EXTRAS = {"pybullet": "sim", "av": "sim", "PIL": "sim", "serial": "serial", "duckdb": "query", "ortools": "exact"}
_EXTRAS |= {
    "distributed": "campaign",
    "dask": "campaign",
    "pyarrow": "query",
    "cryptography": "seal",
    "obstore": "share",
}


class Sentences(TyperGroup):
    """Turns whatever a command raises into one sentence on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _end("stope: interrupted; what was recorded so far is kept", INTERRUPTED)
        except BrokenPipeError:
            raise  # the reader of our output has left; typer ends quietly
        except Exception as error:
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort):
                raise  # typer's own: usage errors and Exit
            sentence, code = _told(error)
            if _debug():
                traceback.print_exc()
            _end(sentence, code)


def _told(error: Exception) -> tuple[str, int]:
    log_errors = sys.modules.get("stope.tasklog.errors")  # not imported: then it cannot have been raised
    if isinstance(error, InputError) or (log_errors is not None and isinstance(error, log_errors.TaskLogError)):
        return str(error), INPUT
    if isinstance(error, ModuleNotFoundError) and error.name in _EXTRAS:
        extra = _EXTRAS[error.name]
        return f"stope: this needs {error.name}, which is not installed: pip install 'stope[{extra}]'", INPUT
    seam = sys.modules.get("stope.robot.seam")
    if seam is not None and isinstance(error, seam.PhysicsDivergedError):
        return f"stope: the simulation diverged: {error}; the log up to there is kept", ROBOT
    link = sys.modules.get("stope.bridge.errors")
    if link is not None and isinstance(error, link.NoPortError):
        return f"stope: {error}", INPUT
    if isinstance(error, ConnectionError | TimeoutError):
        return f"stope: robot: {error}", ROBOT
    hint = "" if _debug() else "; run it again with STOPE_DEBUG=1 for the traceback"
    return f"stope: internal error: {type(error).__name__}: {error}{hint}", INTERNAL


def _end(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


def _debug() -> bool:
    return os.environ.get("STOPE_DEBUG", "") not in ("", "0")
