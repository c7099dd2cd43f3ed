"""Mutation run over the safety code: each comparison, limit and call is changed once, and a test must fail.

`python firmware_bridge/firmware/mutate.py [--jobs N] [--only FILE] [--sample N]` writes the survivors and the score; it
exits with 1 if a mutant of safety.c survives. One that does not compile, or compiles to the same code, is not counted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).resolve().parent
ROOT = FIRMWARE.parents[1]
HIL = ROOT / "tests" / "hil"
ROBOTS = ("miner", "bench_rig", "sampler")
LIBRARIES = (
    "STOPE_FW_LIBRARY",
    "STOPE_FW_LIBRARY_RIG",
    "STOPE_FW_LIBRARY_SAMPLER",
)  # as tests/hil/conftest.py has them
TEST_LIMIT_S = 120  # of processor time: a busy machine kills no mutant
TICK_US = 1000  # times are looked at once a tick: a smaller change is none
FILES = ("safety.c", "interlocks.c", "setpoint.c")
TESTS = {  # the likeliest to fail first
    "safety.c": (
        "test_transitions.py",
        "test_stops.py",
        "test_unjam.py",
        "test_commands.py",
        "test_setpoints.py",
        "test_interlocks.py",
    ),
    "interlocks.c": (
        "test_interlocks.py",
        "test_transitions.py",
        "test_stops.py",
        "test_unjam.py",
        "test_commands.py",
        "test_setpoints.py",
    ),
    "setpoint.c": (
        "test_setpoints.py",
        "test_transitions.py",
        "test_stops.py",
        "test_unjam.py",
        "test_commands.py",
        "test_interlocks.py",
    ),
}

# One change each: what is found, what takes its place.
RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"(?<![<>=!-])<=(?!=)", ("<", ">=")),
    (r"(?<![<>=!-])>=(?!=)", (">", "<=")),
    (r"(?<![<>=!\-\w])\s<\s|(?<=\w)\s<\s", (" <= ", " >= ")),
    (r"(?<=\w)\s>\s|(?<=\))\s>\s", (" >= ", " < ")),
    (r"==", ("!=",)),
    (r"!=", ("==",)),
    (r"&&", ("||",)),
    (r"\|\|", ("&&",)),
    (r"(?<=[(\s])!(?=[\w(])", ("",)),
    (r"\b(?<=return )true\b", ("false",)),
    (r"\b(?<=return )false\b", ("true",)),
    (r"(?<=\s)-(?=\s)", ("+",)),
    (r"(?<=\s)\*(?=\s)", ("/",)),
    (r"(?<=[\w)] )\+=", ("-=",)),
)
CONSTANT = re.compile(r"^#define (\w+) ([\d.]+)(f|u)?\b")
CALL = re.compile(
    r"^    +(?:if \([^;]*\) )?(?:enter|safety_\w+|servo_\w+|faults_\w+|begin_safing|watch_\w+"
    r"|hold_feed_back|limited|ramp_down)\(.*\);"
)


@dataclass(frozen=True)
class Mutant:
    """One changed line."""

    file: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.before.strip()}  ->  {self.after.strip() or '(nothing)'}"


def mutants_of(file: str) -> list[Mutant]:
    """Every mutant of one source file, comments left alone."""
    found: list[Mutant] = []
    for number, line in enumerate((FIRMWARE / "core" / file).read_text().splitlines(), 1):
        code = line.split("/*")[0]
        if not code.strip() or code.lstrip().startswith(("*", "#include", "static inline")):
            continue
        constant = CONSTANT.match(line)
        if constant:
            name, value, suffix = constant.groups()
            for factor in (0.99, 1.01) if suffix == "f" else (-1, 1):
                changed = (
                    f"{float(value) * factor:.6g}"
                    if suffix == "f"
                    else str(max(0, int(value) + int(factor) * (TICK_US if name.endswith("_US") else 1)))
                )
                changed = changed if suffix != "f" or "." in changed else f"{changed}.0"
                found.append(Mutant(file, number, line, f"#define {name} {changed}{suffix or ''}"))
            continue
        if line.startswith("#"):
            continue
        for pattern, replacements in RULES:
            for hit in re.finditer(pattern, code):
                start, end = line[: hit.start()], line[hit.end() :]
                found += [Mutant(file, number, line, start + new + end) for new in replacements]
        if CALL.match(code):
            found.append(Mutant(file, number, line, line[: len(line) - len(line.lstrip())] + ";"))
    return found


def flags(robot: str) -> list[str]:
    """The Makefile's flags of the shared library; undefined behaviour, as an index past the end, ends the process."""
    checks = "-O1 -std=c11 -w -fPIC -ffp-contract=off -fsanitize=undefined -fsanitize-undefined-trap-on-error"
    places = f"-isystem build/gen -Ibuild/{robot} -include build/{robot}/dialect_hash.h -DFW_GIT=0u -Icore"
    return [*checks.split(), *places.split()]


def compile_to(source: Path, target: Path, robot: str) -> bool:
    """Whether `source` compiles."""
    command = [os.environ.get("CC", "cc"), *flags(robot), "-c", str(source), "-o", str(target)]
    return subprocess.run(command, cwd=FIRMWARE, capture_output=True, check=False).returncode == 0


def link(objects: list[Path], library: Path) -> None:
    """Make a shared library of `objects`."""
    command = [os.environ.get("CC", "cc"), "-shared", "-o", str(library), *map(str, objects), "-lm"]
    subprocess.run(command, check=True)


def judge(mutant: Mutant, objects: Path) -> str:
    """ "killed", "survived", or "no mutant" if it does not compile or compiles to the same code for every robot."""
    with tempfile.TemporaryDirectory() as folder:
        source, stem, same = Path(folder) / mutant.file, Path(mutant.file).stem, True
        lines = (FIRMWARE / "core" / mutant.file).read_text().splitlines()
        lines[mutant.line - 1] = mutant.after
        source.write_text("\n".join(lines) + "\n")
        for robot in ROBOTS:
            target = Path(folder) / f"{robot}.o"
            if not compile_to(source, target, robot):
                return "no mutant"
            same = same and target.read_bytes() == (objects / robot / f"{stem}.same").read_bytes()
            others = [o for o in (objects / robot).glob("*.o") if o.stem != stem]
            link([target, *others], Path(folder) / f"{robot}.so")
        return "no mutant" if same else run_tests(Path(folder), TESTS[mutant.file])


def run_tests(libraries: Path, names: tuple[str, ...]) -> str:
    """The virtual-time tests against `libraries`, in this process: a fork that has everything imported already."""
    os.environ.update({name: str(libraries / f"{robot}.so") for name, robot in zip(LIBRARIES, ROBOTS, strict=True)})
    signal.setitimer(signal.ITIMER_PROF, TEST_LIMIT_S)  # a mutant may loop for ever
    arguments = [
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--basetemp={libraries / 'pytest'}",
        f"--rootdir={ROOT}",
        *(str(HIL / name) for name in names),
    ]
    code = pytest.main(arguments)
    return {0: "survived", 1: "killed"}.get(int(code), f"broken: pytest says {int(code)}")


def quiet() -> None:
    """Send this process's output nowhere."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)


def unchanged_passes(objects: Path) -> bool:
    """Whether the tests pass on the code as it is: a score on top of failing tests would mean nothing."""
    for robot in ROBOTS:
        link(list((objects / robot).glob("*.o")), objects / f"{robot}.so")
    pid = os.fork()
    if pid == 0:
        quiet()
        os._exit(0 if run_tests(objects, TESTS[FILES[0]]) == "survived" else 1)
    return os.waitpid(pid, 0)[1] == 0


def judge_all(mutants: list[Mutant], objects: Path, jobs: int) -> list[str]:
    """One forked process per mutant, `jobs` at a time; the parent has imported what takes long."""
    verdicts: dict[int, str] = {}
    running: dict[int, tuple[int, Path]] = {}
    for index, mutant in enumerate(mutants):
        if len(running) >= jobs:
            collect(running, verdicts)
        report = objects / f"{index}.verdict"
        pid = os.fork()
        if pid == 0:
            quiet()
            report.write_text(judge(mutant, objects))
            os._exit(0)
        running[pid] = (index, report)
    while running:
        collect(running, verdicts)
    return [verdicts[index] for index in range(len(mutants))]


def collect(running: dict[int, tuple[int, Path]], verdicts: dict[int, str]) -> None:
    """Wait for one child. One that died without a word was killed by its mutant: a crash, or the time limit."""
    pid, _ = os.wait()
    index, report = running.pop(pid)
    verdicts[index] = report.read_text() if report.exists() else "killed"


def build_objects(folder: Path) -> None:
    """The unchanged core as objects; of the mutated files also one compiled where mutants are, to tell equal code."""
    sources = [*(FIRMWARE / "core").glob("*.c"), FIRMWARE / "ports/plant_link.c", FIRMWARE / "ports/shared/fw.c"]
    for robot in ROBOTS:
        (folder / robot).mkdir()
        for source in sources:
            assert compile_to(source, folder / robot / f"{source.stem}.o", robot), source
        for file in FILES:
            with tempfile.TemporaryDirectory() as elsewhere:
                copy = Path(elsewhere) / file
                copy.write_text((FIRMWARE / "core" / file).read_text())
                assert compile_to(copy, folder / robot / f"{copy.stem}.same", robot), file


def prepare(folder: Path) -> None:
    """Import what the tests import and write the codec oracle, once for all forks."""
    sys.path[:0] = [str(ROOT / "src"), str(HIL)]
    os.chdir(ROOT)
    from building import generate_oracle

    importlib.import_module("stope.robot.modelfile")
    os.environ["STOPE_FW_ORACLE"] = str(folder / "stope_oracle.py")
    generate_oracle(folder / "stope_oracle.py")


def main() -> int:
    """Judge all mutants; the exit code says whether the state machine's were all killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=FILES)
    parser.add_argument("--sample", type=int, help="a bounded random part (seeded), for a quick look")
    chosen = parser.parse_args()
    for robot in ROBOTS:
        subprocess.run(["make", "-s", "shared", f"ROBOT={robot}", f"PYTHON={sys.executable}"], cwd=FIRMWARE, check=True)
    mutants = [m for file in FILES if chosen.only in (None, file) for m in mutants_of(file)]
    if chosen.sample and chosen.sample < len(mutants):
        mutants = random.Random(1).sample(mutants, chosen.sample)
    with tempfile.TemporaryDirectory() as folder:
        objects = Path(folder)
        build_objects(objects)
        prepare(objects)
        if not unchanged_passes(objects):
            sys.stdout.write("the tests fail on the unchanged code: no score\n")
            return 1
        verdicts = judge_all(mutants, objects, chosen.jobs)
    survivors = [m for m, verdict in zip(mutants, verdicts, strict=True) if verdict == "survived"]
    broken = [(m, verdict) for m, verdict in zip(mutants, verdicts, strict=True) if verdict.startswith("broken")]
    for mutant in survivors:
        sys.stdout.write(f"survived {mutant}\n")
    for mutant, verdict in broken:
        sys.stdout.write(f"broken {mutant} {verdict}\n")
    for file in FILES:
        counted = [v for m, v in zip(mutants, verdicts, strict=True) if m.file == file and v in ("killed", "survived")]
        if counted:
            sys.stdout.write(f"{file}: {counted.count('killed')} of {len(counted)} killed\n")
    return 1 if broken or any(m.file == "safety.c" for m in survivors) else 0


if __name__ == "__main__":
    sys.exit(main())
