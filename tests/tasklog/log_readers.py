"""Every reader of a stranger's log, behind one face: a file and an empty folder to write into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hostile_corpus import GOLDEN

from stope.tasklog.conform import check
from stope.tasklog.export import export_csv
from stope.tasklog.info import describe_parts, to_json
from stope.tasklog.interop.lerobot import export_lerobot
from stope.tasklog.interop.ros2 import export_ros2
from stope.tasklog.query.tables import add_log, datasets
from stope.tasklog.recover import recover
from stope.tasklog.seal.dsse import load_envelope
from stope.tasklog.seal.policy import parse_policy
from stope.tasklog.seal.redact import redact
from stope.tasklog.seal.verify import verify

Reader = Callable[[Path, Path], None]


def reads_info(path: Path, out: Path) -> None:
    info = describe_parts(path)
    str(info)
    to_json(info)


def reads_check(path: Path, out: Path) -> None:
    str(check(path))


def reads_recover(path: Path, out: Path) -> None:
    str(recover(path, out / "recovered.mcap", take_unchecked=True))


def reads_csv(path: Path, out: Path) -> None:
    export_csv(path, out / "csv")


def reads_tables(path: Path, out: Path) -> None:
    add_log(path, out / "tables")
    datasets(out / "tables")


def reads_ros2(path: Path, out: Path) -> None:
    export_ros2(path, out / "bag.mcap")


def reads_lerobot(path: Path, out: Path) -> None:
    export_lerobot(path, out / "dataset")


def reads_redact(path: Path, out: Path) -> None:
    redact(path, out / "open.mcap", ["/terrain"])


def reads_verify(path: Path, out: Path) -> None:
    policy = parse_policy((GOLDEN / "v1.policy.json").read_bytes(), "p")
    str(verify(path, load_envelope(GOLDEN / "v1.mcap.seal.json"), policy))


READERS: list[Reader] = [
    reads_info,
    reads_check,
    reads_recover,
    reads_csv,
    reads_tables,
    reads_ros2,
    reads_lerobot,
    reads_redact,
    reads_verify,
]
