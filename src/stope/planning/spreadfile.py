"""A spread as a file: how outcomes scatter, row by row measured on so many runs or ASSUMED, and where it comes from."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from stope.mission.shipped import find_data
from stope.mission.source import FileModel, Mismatch, read_yaml
from stope.planning.luck import Spread

#: What everybody plays with who names no other: fitted to PyBullet runs of this repository, never to hardware.
USUAL = "miner_bennu"
_FACTORS = ("time", "energy", "way", "yields")


class Scatter(FileModel):
    """How far one factor scatters about 1, which is the median of its kind of visit.

    Attributes:
        runs: on which it was measured; 0 says that it is ASSUMED.
        told: what was measured, or why it is assumed.
        quantiles: values not exceeded with probabilities 0 to 1 in even steps, linear in between.
        log_sd, log_sd_95: standard deviation of its logarithm, and the 95 % interval of that (bootstrap).
    """

    runs: int = Field(ge=0, le=1_000_000)
    told: str = Field(min_length=1, max_length=500)
    quantiles: tuple[float, ...] = Field(min_length=2, max_length=101)
    log_sd: float | None = Field(default=None, ge=0, le=10)
    log_sd_95: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        values = self.quantiles
        if values[0] <= 0 or values[-1] > 1000 or any(low > high for low, high in pairwise(values)):
            raise Mismatch(f"{list(values)[:20]}", "positive numbers that do not fall, at most 1000", at=("quantiles",))
        return self

    def __str__(self) -> str:
        where = f"{self.runs} runs" if self.runs else "ASSUMED"
        return f"x {self.quantiles[0]:.2f} to {self.quantiles[-1]:.2f} ({where}: {self.told})"


class Grips(FileModel):
    """How often anchors hold over how often the planner's model says so.

    Attributes:
        runs: pull tests it was counted on; 0 says that it is ASSUMED.
        factor, factor_95: on every site's probability to hold, with its 95 % interval.
    """

    runs: int = Field(ge=0, le=1_000_000)
    told: str = Field(min_length=1, max_length=500)
    factor: float = Field(ge=0, le=10)
    factor_95: tuple[float, float] | None = None

    def __str__(self) -> str:
        where = f"{self.runs} runs" if self.runs else "ASSUMED"
        return f"x {self.factor:.2f} ({where}: {self.told})"


class Kind(FileModel):
    """A kind of visit that was measured: medians over `runs` runs, from the first grip to the end."""

    mission: str = Field(min_length=1, max_length=64)
    runs: int = Field(ge=2, le=1_000_000)
    broken_off: int = Field(ge=0, le=1_000_000)
    minutes: float = Field(gt=0, le=1e6)
    energy_wh: float = Field(gt=0, le=1e6)
    mass_kg: float = Field(ge=0, le=1e6)


class SpreadFile(FileModel):
    """One spread file.

    Attributes:
        date, commit: when it was fitted, and the sources that flew; empty where nothing was measured.
        kinds: of visits whose scatter this is.
    """

    schema_: Literal["stope.spread/1"] = Field(alias="schema")
    description: str = Field(max_length=2_000)
    date: str = Field(default="", max_length=10)
    commit: str = Field(default="", max_length=40)
    time: Scatter
    energy: Scatter
    way: Scatter
    yields: Scatter
    strength: Grips
    kinds: tuple[Kind, ...] = Field(default=(), max_length=100)

    @property
    def spread(self) -> Spread:
        """What the simulator draws from."""
        return Spread(
            self.time.quantiles, self.energy.quantiles, self.way.quantiles, self.yields.quantiles, self.strength.factor
        )

    def rows(self) -> dict[str, str]:
        """A sentence for each factor: its range, and what that rests on."""
        return {name: str(getattr(self, name)) for name in (*_FACTORS, "strength")}


def read_spread(name_or_file: str | Path = USUAL) -> SpreadFile:
    """A shipped spread, or a file.

    Raises:
        InputError: there is none, or something in it is wrong.
    """
    return read_yaml(find_data("spread", name_or_file), SpreadFile)


@cache
def usual_spread() -> Spread:
    """The shipped spread that is played with where no other is named."""
    return read_spread().spread


def write_spread(spread: SpreadFile, file: Path) -> None:
    """Write it as YAML, one line a value, so that a person can read where each number comes from."""
    lines = ["# Written by benchmarks/fit_spread.py: what visits scatter by, over the median of their kind."]
    for name, value in spread.model_dump(mode="json", by_alias=True, exclude_none=True).items():
        if name == "kinds":
            lines += ["kinds:", *(f"  - {json.dumps(kind)}" for kind in value)] if value else []
        elif isinstance(value, dict):
            lines += [f"{name}:", *(f"  {key}: {json.dumps(each)}" for key, each in value.items())]
        else:
            lines.append(f"{name}: {json.dumps(value)}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


__all__ = ["USUAL", "Grips", "Kind", "Scatter", "SpreadFile", "read_spread", "usual_spread", "write_spread"]
