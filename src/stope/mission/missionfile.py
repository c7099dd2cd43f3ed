"""Mission: what was asked. Which robot, which tasks in which order, where, and how sure it must be of its anchors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from stope.mission.errors import InputError
from stope.mission.expedition import Cycle
from stope.mission.explain import suggestion
from stope.mission.overrides import override
from stope.mission.shipped import find_data, is_path, shipped
from stope.mission.source import FileModel, InputErrors, Mismatch, checked_mapping, read_tree, validate
from stope.mission.yamltree import Tree

Name = Annotated[str, Field(min_length=1, max_length=512)]
Timeout = Annotated[float, Field(gt=0, le=86_400)]


class SiteLayer(FileModel):
    """A layer below the site's rock.

    Attributes:
        material: by name or file.
        top_m: depth where it begins, below the rock's surface.
        spread_m: standard deviation of that depth from place to place.
    """

    material: Name
    top_m: float = Field(gt=0, le=10)
    spread_m: float = Field(default=0.0, ge=0, le=5)


class Site(FileModel):
    """The patch of ground to work on; frame x east, y north, z along the outward normal of effective gravity.

    Attributes:
        latitude_deg, longitude_deg: body-fixed, planetocentric, east positive; ignored on a flat bench.
        rock, cover: materials, by name or file: what is there, and what lies on it.
        cover_m, pond_radius_m: depth and radius of the pond of cover material at the middle of the patch.
        layers: what lies below the rock, from above; none and the rock goes on.
        roughness_m: standard deviation of the rock's height on the scale of a cell.
        boulders, boulder_max_m: how many boulders lie about, and the diameter of the largest.
        patch_size_m, cell_m: edge of the square patch, and of its height-map cells.
    """

    latitude_deg: float = Field(default=0.0, ge=-90, le=90)
    longitude_deg: float = Field(default=0.0, ge=-180, le=360)
    rock: Name
    cover: Name
    cover_m: float = Field(default=0.0, ge=0, le=2)
    pond_radius_m: float = Field(default=0.5, ge=0, le=50)
    layers: tuple[SiteLayer, ...] = Field(default=(), max_length=20)
    roughness_m: float = Field(default=0.004, ge=0, le=0.5)
    boulders: int = Field(default=0, ge=0, le=500)
    boulder_max_m: float = Field(default=0.15, gt=0, le=20)
    patch_size_m: float = Field(default=4.0, ge=1, le=100)
    cell_m: float = Field(default=0.02, ge=0.002, le=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for index, (above, below) in enumerate(pairwise(self.layers), start=1):
            if below.top_m <= above.top_m:
                raise Mismatch(
                    f"{below.top_m:g}",
                    f"more than the layer above it, {above.top_m:g} m",
                    at=("layers", index, "top_m"),
                )
        cells = self.patch_size_m / self.cell_m
        if not 20 <= cells <= 1024:
            read = (
                f"a patch of {self.patch_size_m:g} m with cells of {self.cell_m:g} m, {cells:.0f} cells along an edge"
            )
            raise Mismatch(read, "20 to 1024 cells along an edge", at=("cell_m",))
        if self.boulders and self.boulder_max_m > self.patch_size_m / 2:
            raise Mismatch(
                f"{self.boulder_max_m:g}", f"at most half the patch, {self.patch_size_m / 2:g} m", at=("boulder_max_m",)
            )
        return self


class Believed(FileModel):
    """What the stack believes of the ground before it touches it; as the site's materials where left out.

    The truth is drawn from the site's materials with the seed, and the stack never sees it.
    """

    rock: str = Field(default="", max_length=512)
    cover: str = Field(default="", max_length=512)


class Approach(FileModel):
    """Where `descend` starts: height of the feet over the ground, speed downward, tilt from the local normal."""

    height_m: float = Field(default=0.25, ge=0, le=20)
    velocity_m_s: float = Field(default=0.03, ge=0, le=0.5)
    tilt_deg: float = Field(default=2.0, ge=0, le=30)


class Descend(FileModel):
    """Come down under the cold-gas hold-down and stay in contact until the first gripper engages."""

    task: Literal["descend"]
    hold_down_n: float = Field(default=8.0, ge=0, le=100)
    contact_speed_m_s: float = Field(default=0.05, gt=0, le=0.3)
    timeout_s: Timeout = 120.0


class Anchor(FileModel):
    """Drag the spines in (close the clamp) and preload."""

    task: Literal["anchor"]
    min_anchors: int = Field(default=3, ge=1, le=8)
    preload_n: float = Field(default=6.0, ge=0, le=500)
    timeout_s: Timeout = 180.0


class PullTest(FileModel):
    """Pull at each anchor for `hold_s`: what survives is known to hold that much.

    With `load_n` so hard; without it as hard as makes the anchor worth most for the drilling that follows, given that
    pulling may break what it tests. That can be not at all.
    """

    task: Literal["pull_test"]
    load_n: float | None = Field(default=None, gt=0, le=500)
    hold_s: float = Field(default=2.0, gt=0, le=600)
    timeout_s: Timeout = 240.0


class DrillTask(FileModel):
    """Core to `depth_m`; the anchors' belief bounds the weight-on-bit below `weight_on_bit_max_n`.

    `weight_law` chooses inside that bound: adaptive, fixed, or one that an installed package offers.
    """

    task: Literal["drill"]
    depth_m: float = Field(ge=0.002, le=2)
    weight_on_bit_max_n: float = Field(default=60.0, gt=0, le=2_000)
    spindle_rad_s: float = Field(default=12.0, gt=0, le=500)
    weight_law: str = Field(default="adaptive", min_length=1, max_length=64)
    timeout_s: Timeout = 1_800.0


class Collect(FileModel):
    """Collect `mass_kg` of cover with the bucket drums, cutting `depth_m` deep."""

    task: Literal["collect"]
    mass_kg: float = Field(gt=0, le=500)
    depth_m: float = Field(default=0.015, ge=0.001, le=0.5)
    drum_rad_s: float = Field(default=0.6, gt=0, le=20)
    timeout_s: Timeout = 1_800.0


class Sample(FileModel):
    """Blow `mass_kg` of cover into the bin with the gas sampler, in pulses of `pulse_s` at most.

    What the anchors pay bounds the jet below `thrust_max_n`; what comes back of the grains bounds the pulses.
    """

    task: Literal["sample"]
    mass_kg: float = Field(gt=0, le=100)
    thrust_max_n: float = Field(default=2.0, gt=0, le=1_000)
    pulse_s: float = Field(default=0.3, ge=0.05, le=10)
    timeout_s: Timeout = 600.0


class Walk(FileModel):
    """Walk over the patch, one limb at a time on three closed anchors; each new grip is pulled at with `proof_n`."""

    task: Literal["walk"]
    east_m: float = Field(default=0.0, ge=-10, le=10)
    north_m: float = Field(default=0.0, ge=-10, le=10)
    proof_n: float = Field(default=8.0, gt=0, le=100)
    timeout_s: Timeout = 7_200.0


class Stow(FileModel):
    """Retract the bit, stop the drums, close the bin."""

    task: Literal["stow"]
    timeout_s: Timeout = 120.0


class Release(FileModel):
    """Open the grippers (the clamp), tools off."""

    task: Literal["release"]
    timeout_s: Timeout = 120.0


Task = Annotated[
    Descend | Anchor | PullTest | DrillTask | Collect | Sample | Walk | Stow | Release,
    Field(discriminator="task"),
]
_TOOL_TASKS = ("drill", "collect", "sample", "walk")
_RANK = {"descend": 0, "anchor": 1, "pull_test": 2, **dict.fromkeys(_TOOL_TASKS, 3), "stow": 4, "release": 5}
_NEEDS_ANCHOR = ("pull_test", *_TOOL_TASKS, "release")
_ORDER = "descend, anchor, pull_test, drill or collect or sample or walk, stow, release"


class Power(FileModel):
    """What the robot lives on: below the reserve it sleeps, anchored and its tools home; in the sun it wakes.

    Attributes:
        battery_wh: full at the start. wake_wh: what must be in it again before the mission goes on.
        charge_w: of the panels in the sun. sunlight: its times, from the start of the mission.
    """

    battery_wh: float = Field(gt=0, le=1e6)
    reserve_wh: float = Field(gt=0, le=1e6)
    wake_wh: float = Field(gt=0, le=1e6)
    charge_w: float = Field(gt=0, le=1e6)
    sunlight: Cycle

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.reserve_wh < self.wake_wh <= self.battery_wh:
            raise Mismatch(
                f"{self.wake_wh:g}",
                f"more than reserve_wh, {self.reserve_wh:g}, at most battery_wh, {self.battery_wh:g}",
                at=("wake_wh",),
            )  # fmt: skip
        return self


class Mission(FileModel):
    """One mission file, every default filled in.

    Attributes:
        seed: every random stream of the run is spawned from it by name.
        start_utc: when the run starts, ISO 8601 with Z; simulated time counts from it.
        licence: SPDX identifier under which the log may be used.
        robot, body: shipped name or file.
        hold_probability: probability that the anchors hold for the whole task; the controllers spend no more than that.
        energy_limit_wh: what the mission may draw; beyond it the tools come home and the robot stays anchored.
        power: battery, panels and sun; without it the robot is taken to have what it needs.
        approach: ignored when the first task is not `descend`: then the robot starts in its stance on the ground.
    """

    schema_version: Literal[1]
    name: str = Field(min_length=1, max_length=64)
    description: str = Field(default="", max_length=2_000)
    seed: int = Field(default=0, ge=0, lt=2**63)
    start_utc: str
    team: str = Field(default="unnamed team", min_length=1, max_length=200)
    licence: str = Field(default="CC-BY-4.0", min_length=1, max_length=64)
    robot: Name
    body: Name
    site: Site
    believed: Believed = Field(default=Believed(), validate_default=True)
    approach: Approach = Approach()
    hold_probability: float = Field(default=0.999, ge=0.5, le=0.999999)
    energy_limit_wh: float | None = Field(default=None, gt=0, le=1e6)
    power: Power | None = None
    tasks: tuple[Task, ...] = Field(min_length=1, max_length=100)

    @property
    def materials(self) -> tuple[str, ...]:
        """Every material that the mission names, the site's first."""
        site, believed = self.site, self.believed
        below = (layer.material for layer in site.layers)
        return (site.rock, site.cover, *below, believed.rock, believed.cover)

    @property
    def start_us(self) -> int:
        """Microseconds from 1970-01-01T00:00:00Z to `start_utc`."""
        return round(_instant(self.start_utc).timestamp() * 1_000_000)

    @field_validator("believed")
    @classmethod
    def _believe_the_site(cls, value: Believed, info: ValidationInfo) -> Believed:
        site: Site | None = info.data.get("site")  # None when it is itself wrong
        if site is None:
            return value
        return Believed(rock=value.rock or site.rock, cover=value.cover or site.cover)

    @field_validator("start_utc")
    @classmethod
    def _is_an_instant(cls, value: str) -> str:
        try:
            _instant(value)
        except ValueError:
            raise Mismatch(f"'{value}'", "a UTC instant such as '2027-03-01T12:00:00Z'") from None
        return value

    @field_validator("name", "licence")
    @classmethod
    def _is_a_word(cls, value: str) -> str:
        bad = next(
            (letter for letter in value if not (letter.isascii() and (letter.isalnum() or letter in "._+-"))), None
        )
        if bad is not None or not value[0].isalnum():
            raise Mismatch(f"'{value}'", "one word of letters, digits, '.', '_', '+' and '-'")
        return value

    @model_validator(mode="after")
    def _tasks_in_order(self) -> Self:
        done: set[str] = set()
        latest = ""
        for index, task in enumerate(self.tasks):
            at = ("tasks", index, "task")
            if latest and _RANK[task.task] < _RANK[latest]:
                raise Mismatch(f"'{task.task}' after '{latest}'", f"the order {_ORDER}", at=at)
            if task.task in done and task.task not in _TOOL_TASKS:
                raise Mismatch(f"'{task.task}' a second time", "it once in a mission", at=at)
            if task.task in _NEEDS_ANCHOR and "anchor" not in done:
                remedy = (
                    "nothing else holds the robot down" if task.task != "release" else "there is nothing to release"
                )
                raise Mismatch(f"'{task.task}' without 'anchor' before it", "an 'anchor' task first", remedy, at=at)
            done.add(task.task)
            latest = task.task
        return self

    @model_validator(mode="after")
    def _cover_to_collect(self) -> Self:
        for index, task in enumerate(self.tasks):
            if task.task not in ("collect", "sample"):
                continue
            if self.site.cover_m == 0 or self.site.pond_radius_m == 0:
                raise Mismatch(
                    f"'{task.task}' at a site without cover", "site.cover_m and site.pond_radius_m above 0",
                    at=("tasks", index, "task"),
                )  # fmt: skip
            if task.task == "collect" and task.depth_m > self.site.cover_m:
                remedy = "a drum does not cut rock"
                raise Mismatch(
                    f"{task.depth_m:g}", f"at most the depth of the cover, {self.site.cover_m:g} m", remedy,
                    at=("tasks", index, "depth_m"),
                )  # fmt: skip
        return self


def load_mission(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Mission:
    """Read a mission and check that what it names (robot, body, materials) exists.

    Relative paths in the file start from the file's own folder, and leave here starting from the working directory.

    Raises:
        InputError: one thing is wrong; `InputErrors`: several are.
    """
    return read_mission(name_or_path, overrides)[0]


def read_mission(name_or_path: str | Path, overrides: Sequence[str] = ()) -> tuple[Mission, Tree]:
    """As `load_mission`, with the parsed file, whose `error` places what a later check finds wrong."""
    file = find_data("mission", name_or_path)
    tree = checked_mapping(read_tree(file))
    tree = override(tree, overrides) if overrides else tree
    return _with_references(validate(tree, Mission), tree, file.parent), tree


def _with_references(mission: Mission, tree: Tree, folder: Path) -> Mission:
    errors: dict[str, InputError] = {}

    def resolved(kind: str, value: str, path: tuple[str | int, ...]) -> str:
        if path[0] == "believed" and path not in tree.values and tree.option(path) is None:
            path = ("site", path[1])  # copied from there
        near = None if tree.option(path) else folder
        try:
            find_data(kind, value, near)
        except InputError as error:
            plain = f"a shipped {kind}{suggestion(value, shipped(kind))} or the path of a file"
            sentence = tree.error(path, f"'{value}'", error.expected if is_path(value) else plain)
            errors.setdefault(str(sentence), sentence)
        return os.path.normpath(near / value) if near is not None and is_path(value) else value

    found: dict[str, Site | Believed] = {
        part: ground.model_copy(
            update={key: resolved("material", getattr(ground, key), (part, key)) for key in ("rock", "cover")}
        )
        for part, ground in (("site", mission.site), ("believed", mission.believed))
    }
    layers = tuple(
        layer.model_copy(
            update={"material": resolved("material", layer.material, ("site", "layers", index, "material"))}
        )
        for index, layer in enumerate(mission.site.layers)
    )
    found["site"] = found["site"].model_copy(update={"layers": layers})
    names = {kind: resolved(kind, getattr(mission, kind), (kind,)) for kind in ("robot", "body")}
    if errors:
        each = list(errors.values())
        raise each[0] if len(each) == 1 else InputErrors(each)
    return mission.model_copy(update={**found, **names})


def _instant(text: str) -> datetime:
    if not text.endswith("Z") or "T" not in text:
        raise ValueError(text)
    found = datetime.fromisoformat(text).astimezone(UTC)
    if not 1970 <= found.year < 2200:  # the log counts nanoseconds since 1970 in 63 bits
        raise ValueError(text)
    return found


__all__ = [
    "Anchor", "Approach", "Believed", "Collect", "Descend", "DrillTask", "Mission", "PullTest", "Release", "Sample",
    "Site", "SiteLayer", "Stow", "Task", "Walk", "load_mission", "read_mission",
]  # fmt: skip
