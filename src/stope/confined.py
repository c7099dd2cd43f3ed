"""Work on a file that nobody vouches for in a child process with a ceiling on memory, time and output.

Readers check what a file declares, and this holds where a check was forgotten: the child dies, we say so, and go on.
The child is a fork where this process has one thread, so that looking at a small file costs milliseconds; with other
threads, which a fork would leave with their locks held, it is a fresh interpreter.

What comes back is bytes, and whoever asked reads them as JSON or as numbers of a stated kind: nothing that a child says
can run code here. Below every room, because several read files of strangers.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from stope.clock import HostClock

_MAX_ANSWER = 64 * 1024 * 1024
_REFUSED, _NO_SUCH_TASK, _GAVE_UP = 3, 4, 5
_TOLD_FD = 3  # where a fresh interpreter answers
_PATIENCE_S = 2.0  # of a child that was asked to end and removes its drafts


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a child may take: memory beyond what it begins with, `cpu_s` of processor time, `wall_s` on the clock."""

    memory_mb: int = 2048
    cpu_s: int = 300
    wall_s: float = 600.0


class RefusedError(Exception):
    """What a task raises to say in one sentence why it does not take a file; `confined` raises it again."""


class CeilingError(Exception):
    """The child took more than it may, or broke; the message has no subject, which the caller puts in front of it."""


#: What may be run so; a name outside is a mistake in our code.
TASKS = (
    frozenset(
        f"stope.tasklog.tasks:{name}"
        for name in (
            "add_to_tables",
            "catalogue_rows",
            "check_log",
            "examine_seal",
            "export_log",
            "import_tables",
            "info_log",
            "join_log",
            "log_parts",
            "pack_log",
            "read_through",
            "recover_log",
            "redact_log",
            "state_log",
            "verify_log",
        )
    )
    | {
        "stope.ledger.claims:shown_plain",
        "stope.ledger.from_logs:cited_plain",
        "stope.ledger.from_logs:collected_plain",
        "stope.ledger.measured:measured_plain",
        "stope.tasklog.diff:summarise_plain",
    }
    | {"stope.mission.outside_tasks:mesh_parsed", "stope.mission.outside_tasks:yaml_parsed"}
)


def confined(task: str, *arguments: str, ceiling: Ceiling) -> bytes:
    """Run `task` with text arguments in a child and return what it answers: bytes, or anything else as JSON.

    Raises:
        RefusedError: the task raised it.
        CeilingError: it took more than it may, or ended in any other way.
    """
    if task not in TASKS:
        raise ValueError(f"{task} is not among the tasks that may be confined")
    heard, told = os.pipe()
    try:
        child = (_fork if _has_one_thread() else _spawn)(task, arguments, ceiling, told)
    finally:
        os.close(told)
    code, answer = _listen(child, heard, ceiling.wall_s)
    if code == 0 and answer:
        return answer
    if code == _REFUSED and answer:
        raise RefusedError(answer.decode(errors="replace"))
    if len(answer) > _MAX_ANSWER:
        raise CeilingError(f"there is more to say of it than {_MAX_ANSWER >> 20} MiB, the limit")
    if code is None:
        raise CeilingError(f"took more than {ceiling.wall_s:g} s and was given up")
    raise CeilingError(
        f"reading it took more than {ceiling.memory_mb} MB or {ceiling.cpu_s} s of processor time, or "
        f"broke the reader (exit code {code}); nothing of it was taken"
    )


def _has_one_thread() -> bool:
    """Threads of libraries count, which Python does not see; False where nobody can tell."""
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def _fork(task: str, arguments: Sequence[str], ceiling: Ceiling, told: int) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            silent = os.open(os.devnull, os.O_RDWR)
            for standard in range(3):
                os.dup2(silent, standard)
            code = _work(task, arguments, ceiling, told)
        finally:
            os._exit(code)  # nothing of the parent's is ended twice
    return child


def _spawn(task: str, arguments: Sequence[str], ceiling: Ceiling, told: int) -> int:
    limits = (str(ceiling.memory_mb), str(ceiling.cpu_s))
    # -P and no empty entry: the folder that it is started in may hold the stranger's json.py. Not -m, which would make
    # this module twice, and two kinds of RefusedError.
    call = [sys.executable, "-P", "-c", "from stope.confined import main; main()", task, *limits, *arguments]
    places = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": places, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    silent = [(os.POSIX_SPAWN_OPEN, standard, os.devnull, os.O_RDWR, 0) for standard in range(3)]
    if told == _TOLD_FD:
        os.set_inheritable(told, True)  # a duplicate onto the same number would keep the mark that closes it
    actions = [*silent, (os.POSIX_SPAWN_DUP2, told, _TOLD_FD)]
    return os.posix_spawn(sys.executable, call, environment, file_actions=actions)


def _listen(child: int, heard: int, wall_s: float) -> tuple[int | None, bytes]:
    """The child's exit code, None when it was given up, and what it said."""
    clock, data, in_time = HostClock(), bytearray(), False
    end_s = clock.now_s() + wall_s
    try:
        while len(data) <= _MAX_ANSWER and select.select([heard], [], [], max(0.0, end_s - clock.now_s()))[0]:
            block = os.read(heard, 1 << 20)
            if not block:
                in_time = True
                break
            data += block
        if not in_time:
            os.kill(child, signal.SIGTERM)
            end_s = clock.now_s() + _PATIENCE_S
            while select.select([heard], [], [], max(0.0, end_s - clock.now_s()))[0] and os.read(heard, 1 << 20):
                pass
    finally:
        os.close(heard)
        if not in_time:
            os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return (code if in_time else None), bytes(data)


class _GivenUp(BaseException):
    """Raised in the child where it is, so that drafts are removed on the way out."""


def _work(task: str, arguments: Sequence[str], ceiling: Ceiling, told: int) -> int:
    """The child's part; its exit code."""
    for number in (signal.SIGTERM, signal.SIGXCPU):
        signal.signal(number, _give_up)
    try:
        module, _, name = task.partition(":")
        _limit(ceiling)
        said = getattr(importlib.import_module(module), name)(*arguments)
        code, answer = 0, said if isinstance(said, bytes) else json.dumps(said).encode()
    except RefusedError as error:
        code, answer = _REFUSED, str(error).encode()
    except _GivenUp:
        return _GAVE_UP
    with os.fdopen(told, "wb") as pipe:
        pipe.write(answer)
    return code


def _give_up(_number: int, _frame: object) -> NoReturn:
    raise _GivenUp


def _limit(ceiling: Ceiling) -> None:
    import resource

    bytes_ = _in_use() + ceiling.memory_mb * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))
    resource.setrlimit(resource.RLIMIT_CPU, (ceiling.cpu_s, ceiling.cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _in_use() -> int:
    """Bytes of address space that a fork has from its parent; 0 where nobody can tell."""
    try:
        with open("/proc/self/statm") as sizes:
            return int(sizes.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def main() -> None:
    """The child, as a fresh interpreter."""
    task, memory_mb, cpu_s, *arguments = sys.argv[1:]
    if task not in TASKS:
        raise SystemExit(_NO_SUCH_TASK)
    raise SystemExit(_work(task, arguments, Ceiling(int(memory_mb), int(cpu_s)), _TOLD_FD))
