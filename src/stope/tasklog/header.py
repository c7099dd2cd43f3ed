"""RunHeader: what a stranger must know to understand a log, written first and inside the log."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from stope.tasklog.errors import TaskLogError

#: MCAP metadata record and attachments that carry the header.
RECORD = "stope.run"
MISSION_ATTACHMENT = "mission.resolved.json"
ROBOT_ATTACHMENT = "robot.model.json"
#: Name and major version of the format; a reader refuses nothing because of it, it only explains.
FORMAT = "stope.log/1"
CLOCK_SCALE = "UTC, no leap second handling: see docs"
FRAMES = (
    "site: x east, y north, z along the outward normal of effective gravity; base: the robot's base link; "
    "quaternions x y z w, base to site; SI units"
)
_DEPENDENCIES = ("numpy", "pybullet", "pin", "daqp", "py-trees", "protobuf", "mcap", "foxglove-sdk")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class JointChannel:
    """What the numbers of one joint mean: the UCUM unit of its position, and +1 if the device counts as the URDF."""

    name: str
    unit: str
    sign: int


@dataclass(frozen=True)
class RunHeader:
    """Who ran what, with which software, from which seed, and how to read the arrays.

    Attributes:
        stope_version, python, packages: software; no platform, so that equal runs have equal headers.
        seed: the run's one seed.
        mission, mission_json: the mission's name, and the resolved mission with every default filled in.
        robot, robot_json: the robot's name, and its model. `joints` is a list of objects with `name`, `unit`
            ("rad" or "m") and `sign`; `limbs` and `thrusters` are lists of objects with `name`.
        limits_hash: hash of the limits that host and device agreed on.
        body: the small body, or the bench.
        licence: SPDX identifier of the log's licence.
        team: who answers for this log.
        start_utc: ISO 8601; empty lets the writer fill it in from its own `start_utc_ns`.
        command_line: how the run was started.
        extra: anything else a session wants to say; keys must not clash with the fields above.

    Raises:
        TaskLogError: the JSON does not parse, or a joint has no name, unit or sign.
    """

    stope_version: str
    seed: int
    mission: str
    mission_json: str
    robot: str
    robot_json: str
    limits_hash: str
    body: str
    licence: str
    team: str
    command_line: str = ""
    python: str = field(default_factory=platform.python_version)
    packages: Mapping[str, str] = field(default_factory=lambda: installed_packages(_DEPENDENCIES))
    start_utc: str = ""
    clock_scale: str = CLOCK_SCALE
    frames: str = FRAMES
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _parse(self.mission_json, "the resolved mission")
        _ = self.joints

    @property
    def joints(self) -> tuple[JointChannel, ...]:
        """Sign and unit table of the joint arrays."""
        try:
            return tuple(
                JointChannel(str(row["name"]), str(row["unit"]), int(row["sign"]))
                for row in _rows(self.robot_json, "joint")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TaskLogError(f"robot model: each joint needs name, unit and sign ({error!r})") from error

    def axis_names(self, axis: str) -> tuple[str, ...]:
        """Names along an array axis ("joint", "limb", "thruster", "drum", "xyz", "xyzw"); empty where unknown."""
        if axis in ("xyz", "xyzw"):
            return tuple(axis)
        names = [row.get("name") for row in _rows(self.robot_json, axis) if isinstance(row, dict)]
        return tuple(str(name) for name in names) if all(names) else ()

    def metadata(self) -> dict[str, str]:
        """The `stope.run` record: text by key."""
        plain = {f.name: str(getattr(self, f.name)) for f in fields(self) if f.name not in _NOT_PLAIN}
        packages = {f"package.{name}": release for name, release in sorted(self.packages.items())}
        clash = set(self.extra) & (set(plain) | set(packages) | {"format"})
        if clash:
            raise TaskLogError(f"run header: extra keys {sorted(clash)} are taken")
        return {"format": FORMAT, **plain, **packages, **self.extra}

    @classmethod
    def from_log(cls, metadata: Mapping[str, str], attachments: Mapping[str, bytes]) -> RunHeader:
        """Rebuild from a log; what an older or a partner's log does not say is empty.

        Raises:
            TaskLogError: the seed is no integer, or an attachment is not the JSON that it should be.
        """
        texts = {f.name: metadata.get(f.name, "") for f in fields(cls) if f.name not in _NOT_PLAIN and f.name != "seed"}
        known = {*texts, "seed", "format"}
        try:
            return cls(
                seed=int(metadata.get("seed", "0")),
                mission_json=attachments.get(MISSION_ATTACHMENT, b"{}").decode(),
                robot_json=attachments.get(ROBOT_ATTACHMENT, b"{}").decode(),
                packages={k.removeprefix("package."): v for k, v in metadata.items() if k.startswith("package.")},
                extra={k: v for k, v in metadata.items() if k not in known and not k.startswith("package.")},
                **texts,
            )
        except ValueError as error:
            raise TaskLogError(f"run header: {error}") from error


_NOT_PLAIN = ("mission_json", "robot_json", "packages", "extra")


def installed_packages(names: Iterable[str]) -> dict[str, str]:
    """Version by distribution name, for those of `names` that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def utc_text(utc_ns: int) -> str:
    """ISO 8601 text of nanoseconds since the Unix epoch, UTC, all nine decimals.

    Raises:
        TaskLogError: outside the years 1 to 9999.
    """
    seconds, nanoseconds = divmod(utc_ns, 1_000_000_000)
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise TaskLogError(f"{utc_ns} ns since 1970 is no date") from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def _rows(robot_json: str, axis: str) -> list[Any]:
    model = _parse(robot_json, "the robot model")
    rows = model.get(f"{axis}s", []) if isinstance(model, dict) else []
    return rows if isinstance(rows, list) else []


def _parse(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TaskLogError(f"run header: {what} is not JSON: {error}") from error
