"""Work on a file that nobody vouches for in a child process with a ceiling on memory, time and output.

`scan` checks what a file declares, and this holds where a check was forgotten: the child dies, we say so, and go on.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from stope.tasklog.errors import TaskLogError

_MARK = "stope-confined:"
_MAX_ANSWER = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a child may take; `cpu_s` is processor time and `wall_s` time on the clock."""

    memory_mb: int = 2048
    cpu_s: int = 300
    wall_s: float = 600.0


#: What may be run so; a name outside is a mistake in our code.
TASKS = frozenset(
    (
        "stope.tasklog.tasks:add_to_tables",
        "stope.tasklog.tasks:catalogue_rows",
        "stope.tasklog.tasks:verify_logs",
        "stope.tasklog.tasks:check_logs",
    )
)


def confined(task: str, *arguments: str, ceiling: Ceiling | None = None) -> Any:
    """Run `task` with text arguments in a child and return its answer, which is JSON.

    Raises:
        TaskLogError: what the task raised, or that it took more than it may.
    """
    if task not in TASKS:
        raise ValueError(f"{task} is not among the tasks that may be confined")
    ceiling = ceiling or Ceiling()
    call = [
        sys.executable,
        "-m",
        "stope.tasklog.confined",
        task,
        str(ceiling.memory_mb),
        str(ceiling.cpu_s),
        *arguments,
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "ARROW_DEFAULT_MEMORY_POOL": "system"}
    environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    try:
        done = subprocess.run(
            call, capture_output=True, timeout=ceiling.wall_s, env=environment, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        raise TaskLogError(f"{arguments[-1]}: took more than {ceiling.wall_s:g} s and was given up") from None
    answer = done.stdout[-_MAX_ANSWER:].decode(errors="replace").rpartition(_MARK)[2]
    if done.returncode == 0 and answer:
        return json.loads(answer)
    if done.returncode == 3 and answer:
        raise TaskLogError(str(json.loads(answer)))
    raise TaskLogError(
        f"{arguments[-1]}: reading it took more than {ceiling.memory_mb} MB or {ceiling.cpu_s} s of processor time, or "
        f"broke the reader (exit code {done.returncode}); nothing of it was taken"
    )


def _limit(memory_mb: int, cpu_s: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 1_000_000, memory_mb * 1_000_000))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """The child."""
    task, memory_mb, cpu_s, *arguments = sys.argv[1:]
    module, _, name = task.partition(":")
    if task not in TASKS:
        raise SystemExit(4)
    _limit(int(memory_mb), int(cpu_s))
    code = 0
    try:
        answer = getattr(importlib.import_module(module), name)(*arguments)
    except TaskLogError as error:
        answer, code = str(error), 3
    sys.stdout.write(_MARK + json.dumps(answer))
    sys.stdout.flush()
    raise SystemExit(code)


if __name__ == "__main__":
    main()
