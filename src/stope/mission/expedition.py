"""Expedition: many sites, one or several robots, one agreement; what `stope plan` is asked. Typed, loaded from YAML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stope.mission.shipped import find_data
from stope.mission.source import FileModel, Mismatch, checked_mapping, read_tree, validate
from stope.mission.yamltree import Tree

Word = Annotated[str, Field(min_length=1, max_length=64)]
Minutes = Annotated[int, Field(ge=0, le=20_000)]
Coordinate = Annotated[float, Field(ge=-100_000, le=100_000)]


class Cycle(FileModel):
    """Windows that come again and again: `open_min` long, every `period_min`, the first at `first_min`."""

    period_min: int = Field(ge=1, le=20_000)
    open_min: int = Field(ge=1, le=20_000)
    first_min: int = Field(default=0, ge=-20_000, le=20_000)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.open_min > self.period_min:
            raise Mismatch(f"{self.open_min}", f"at most period_min, {self.period_min}", at=("open_min",))
        return self

    def windows(self, horizon_min: int) -> tuple[tuple[int, int], ...]:
        """All windows that touch `[0, horizon_min)`, clipped at 0."""
        first = self.first_min - self.period_min * (1 + max(0, self.first_min) // self.period_min)
        starts = range(first, horizon_min + self.period_min, self.period_min)
        return tuple((max(0, s), s + self.open_min) for s in starts if s + self.open_min > 0)


class Rover(FileModel):
    """What one robot can do and carry; all robots of an expedition are alike.

    Attributes:
        battery_wh, reserve_wh: capacity, and what must always be left.
        charge_w: parked in sunlight. idle_w: drawn while parked and not charging.
        bin_kg, bit_wear, log_store_mb: capacities; wear is in the units that the grounds state.
        speed_m_min, travel_w: on the way between sites; gait: a measured one instead of both (`planning/gait.py`).
        anchors, anchors_needed: grippers, and how many of them must hold the work.
        safety_radius_m: two robots are never at places nearer to each other than this.
    """

    count: int = Field(default=1, ge=1, le=8)
    battery_wh: float = Field(default=300, gt=0, le=100_000)
    reserve_wh: float = Field(default=60, ge=0, le=100_000)
    charge_w: int = Field(default=120, ge=1, le=100_000)
    idle_w: int = Field(default=0, ge=0, le=100_000)
    bin_kg: float = Field(default=12, gt=0, le=10_000)
    bit_wear: int = Field(default=60, ge=1, le=100_000)
    log_store_mb: int = Field(default=600, ge=1, le=10_000_000)
    speed_m_min: float = Field(default=6, gt=0, le=1_000)
    travel_w: float = Field(default=60, ge=0, le=100_000)
    gait: Literal["miner_walk"] | None = None
    downlink_min: int = Field(default=12, ge=1, le=1_000)
    downlink_w: float = Field(default=40, ge=0, le=100_000)
    unload_min: int = Field(default=10, ge=1, le=1_000)
    unload_w: float = Field(default=30, ge=0, le=100_000)
    anchors: int = Field(default=4, ge=1, le=16)
    anchors_needed: int = Field(default=3, ge=1, le=16)
    safety_radius_m: float = Field(default=10, ge=0, le=10_000)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.reserve_wh >= self.battery_wh:
            raise Mismatch(f"{self.reserve_wh:g}", f"less than battery_wh, {self.battery_wh:g}", at=("reserve_wh",))
        if self.anchors_needed > self.anchors:
            raise Mismatch(f"{self.anchors_needed}", f"at most anchors, {self.anchors}", at=("anchors_needed",))
        return self


class Effort(FileModel):
    """How long one task takes, and its mean power."""

    minutes: int = Field(ge=1, le=5_000)
    watts: float = Field(ge=0, le=100_000)


class Ground(FileModel):
    """A kind of site: what it is made of, what work there takes, and what a kilogram of it is worth.

    Attributes:
        material: shipped material or file; its spine strengths are the prior of the anchors' belief.
        work_pull_n, work_shear_n: largest reaction of the work on all anchors together.
        drill: left out where nothing is drilled; then `collect` is what cuts.
        sample: with a gas sampler, in place of `drill` and `collect`; then it is what cuts.
        cut_when: times of the day at which the ground may be cut: the windows of this cycle; always when left out.
    """

    name: Word
    material: Word
    value_per_kg: float = Field(ge=0, le=1e6)
    work_pull_n: float = Field(ge=0, le=10_000)
    work_shear_n: float = Field(default=0, ge=0, le=10_000)
    survey: Effort = Effort(minutes=10, watts=40)
    anchor: Effort = Effort(minutes=10, watts=40)
    pull_test: Effort = Effort(minutes=8, watts=40)
    drill: Effort | None = None
    sample: Effort | None = None
    collect: Effort | None = Effort(minutes=12, watts=45)
    stow: Effort = Effort(minutes=5, watts=45)
    release: Effort = Effort(minutes=5, watts=45)
    wear: int = Field(default=0, ge=0, le=100_000)
    data_mb: int = Field(default=100, ge=0, le=10_000_000)
    cut_when: Cycle | None = None

    @model_validator(mode="before")
    @classmethod
    def _sampler(cls, given: object) -> object:
        """Where gas blows grains into the bin no drums collect, unless the file says so, which `_one_way` refuses."""
        if isinstance(given, dict) and given.get("sample") is not None:
            return {"collect": None, **given}
        return given

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        others = [task for task in ("drill", "collect") if getattr(self, task) is not None]
        if self.sample is not None and others:
            raise Mismatch(
                f"'{others[0]}' beside sample", "one of the two: a gas sampler has no other tool", at=(others[0],)
            )
        if self.sample is None and not others:
            raise Mismatch("no tool", "'drill', 'collect' or 'sample'", at=("collect",))
        return self

    @property
    def cut_task(self) -> str:
        """The task that cuts the ground: the one that its windows are about."""
        return next(task for task in ("drill", "sample", "collect") if getattr(self, task) is not None)


class Place(FileModel):
    """One site: where, what, how much, whose, and by when.

    Attributes:
        partner: whose ground it is; common ground when left out.
        deposit: the deposit that it draws on, if the agreement limits one.
        strength: believed anchor strength over that of the ground's material (a survey's finding).
        survived_n: pull per anchor that earlier pull tests here have shown to hold.
        demanded: the plan must visit it.
    """

    name: Word
    x_m: Coordinate
    y_m: Coordinate
    ground: Word
    mass_kg: float = Field(gt=0, le=1_000)
    partner: str = Field(default="", max_length=64)
    deposit: str = Field(default="", max_length=64)
    strength: float = Field(default=1.0, gt=0, le=20)
    survived_n: float = Field(default=0.0, ge=0, le=10_000)
    not_before_min: Minutes = 0
    deadline_min: int | None = Field(default=None, ge=1, le=20_000)
    demanded: bool = False


class Partner(FileModel):
    """One partner of the agreement; what it got before counts."""

    name: Word
    share: float = Field(gt=0, le=1)
    collected_kg: float = Field(default=0, ge=0, le=1e6)


class Deposit(FileModel):
    """A limit on what may be taken from somewhere, and what was taken already."""

    name: Word
    limit_kg: float = Field(ge=0, le=1e6)
    taken_kg: float = Field(default=0, ge=0, le=1e6)


class KeepOut(FileModel):
    """A disc that no robot may enter or cross."""

    name: Word
    x_m: Coordinate
    y_m: Coordinate
    radius_m: float = Field(gt=0, le=10_000)


class Terms(FileModel):
    """The agreement: shares of the collected mass with their band, depletion limits, zones to keep out of.

    Attributes:
        tolerance: half-width of the band as a part of the total. slack_kg: added to it, so that the first load is fair.
    """

    partners: tuple[Partner, ...] = Field(min_length=1, max_length=20)
    tolerance: float = Field(default=0.08, ge=0, le=1)
    slack_kg: float = Field(default=4, ge=0, le=10_000)
    deposits: tuple[Deposit, ...] = Field(default=(), max_length=50)
    keep_out: tuple[KeepOut, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum(partner.share for partner in self.partners)
        if abs(total - 1) > 1e-6:
            raise Mismatch(f"shares that add up to {total:g}", "shares that add up to 1", at=("partners",))
        return self


class Prices(FileModel):
    """What energy and a failed anchoring cost, in units of value: they weigh sites, they are no limits."""

    per_kwh: float = Field(default=18, ge=0, le=1e6)
    per_failure: float = Field(default=6, ge=0, le=1e6)


class Margins(FileModel):
    """Factors on all durations and energies, so that a plan has room for what takes longer."""

    time: float = Field(default=1.2, ge=1, le=3)
    energy: float = Field(default=1.25, ge=1, le=3)


class Expedition(FileModel):
    """One expedition file, every default filled in; see the classes of its parts."""

    kind: Literal["expedition"]
    schema_version: Literal[1]
    name: Word
    description: str = Field(default="", max_length=2_000)
    seed: int = Field(default=0, ge=0, lt=2**63)
    body: Word
    horizon_min: int = Field(ge=60, le=20_000)
    sunlight: Cycle
    communication: Cycle
    rovers: Rover = Rover()
    depot: tuple[Coordinate, Coordinate] = (0.0, 0.0)
    grounds: tuple[Ground, ...] = Field(min_length=1, max_length=50)
    sites: tuple[Place, ...] = Field(min_length=1, max_length=200)
    agreement: Terms
    prices: Prices = Prices()
    margins: Margins = Margins()

    @model_validator(mode="after")
    def _names(self) -> Self:
        known = {
            "ground": [ground.name for ground in self.grounds],
            "partner": [partner.name for partner in self.agreement.partners] + [""],
            "deposit": [deposit.name for deposit in self.agreement.deposits] + [""],
        }
        for index, site in enumerate(self.sites):
            for key, names in known.items():
                if getattr(site, key) not in names:
                    listed = ", ".join(f"'{name}'" for name in names if name) or "none at all"
                    raise Mismatch(f"'{getattr(site, key)}'", f"one of {listed}", at=("sites", index, key))
        for at, each in (
            (("sites",), [site.name for site in self.sites]),
            (("grounds",), known["ground"]),
            (("agreement", "partners"), known["partner"]),
            (("agreement", "deposits"), known["deposit"]),
        ):
            _once(each, at)
        if "depot" in (site.name for site in self.sites):
            raise Mismatch("a site called 'depot'", "another name: the depot has it", at=("sites",))
        return self


def _once(names: Iterable[str], at: tuple[str, ...]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise Mismatch(f"'{name}' {times} times", "each name once", at=at)


def read_expedition(name_or_path: str | Path, overrides: Sequence[str] = ()) -> tuple[Expedition, Tree]:
    """The shipped expedition of this name, or a file, with the parsed tree that places later errors.

    Raises:
        InputError: whatever is wrong, with its place; a ground's material must exist.
    """
    file = find_data("expedition", name_or_path)
    tree = checked_mapping(read_tree(file))
    found = validate(tree, Expedition, overrides)
    for ground in found.grounds:
        find_data("material", ground.material, file.parent)
    return found, tree


def load_expedition(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Expedition:
    """As `read_expedition`, without the tree."""
    return read_expedition(name_or_path, overrides)[0]
