"""Scenario: one mission run with many seeds, what else varies from seed to seed, and what the outcomes must keep to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stope.mission.material import Distribution
from stope.mission.missionfile import load_mission
from stope.mission.overrides import override
from stope.mission.shipped import find_data, is_path
from stope.mission.source import FileModel, Mismatch, checked_mapping, read_tree, validate
from stope.mission.streams import random_stream

Quantity = Literal[
    "passed", "recovered", "failed", "lost", "broken",
    "sim_s", "depth_m", "peak_weight_on_bit_n", "collected_kg", "escaped_kg", "energy_j", "propellant_kg",
    "worst_margin", "mass_error_ug", "mass_error_rel", "impulse_error_rel", "impulse_residual_rel",
]  # fmt: skip
Statistic = Literal["share", "mean", "min", "max", "p05", "p10", "p50", "p90", "p95"]
VERDICTS = ("passed", "recovered", "failed", "lost", "broken")


class Vary(FileModel):
    """A number of the mission file that is drawn anew for each seed, from a stream of its own.

    Attributes:
        field: where it stands, as `--set` takes it: `site.roughness_m`, `tasks.drill.depth_m`.
        uniform: least and greatest value; or log_normal: median and log_sd.
    """

    field: str = Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.]+$")
    uniform: tuple[float, float] | None = None
    log_normal: Distribution | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.uniform is None) == (self.log_normal is None):
            raise Mismatch("both or none of 'uniform' and 'log_normal'", "one of them", at=("uniform",))
        if self.uniform is not None and not self.uniform[0] < self.uniform[1]:
            raise Mismatch(f"{self.uniform[0]:g} to {self.uniform[1]:g}", "a least below a greatest", at=("uniform",))
        return self

    def draw(self, seed: int) -> float:
        """The value of a run with this seed."""
        stream = random_stream(seed, f"scenario.{self.field}")
        if self.uniform is not None:
            return float(stream.uniform(*self.uniform))
        assert self.log_normal is not None
        return float(self.log_normal.at(stream.standard_normal()))


class Limit(FileModel):
    """What the outcomes must keep to: a statistic of one quantity over all seeds, and a bound of it.

    Attributes:
        quantity: a verdict in small letters (`broken` is a run that crashed, hung or diverged), or a measured quantity.
        statistic: `share` of a verdict; else mean, min, max or a percentile over the runs that came to an end.
    """

    quantity: Quantity
    statistic: Statistic
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise Mismatch("both or none of 'at_least' and 'at_most'", "one of them", at=("at_least",))
        if (self.statistic == "share") != (self.quantity in VERDICTS):
            expected = "'share'" if self.quantity in VERDICTS else "mean, min, max or a percentile"
            raise Mismatch(f"'{self.statistic}' of {self.quantity}", expected, at=("statistic",))
        return self

    def __str__(self) -> str:
        bound = f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:g}"
        return f"{self.statistic} of {self.quantity} {bound}"

    def holds(self, value: float | None) -> bool:
        """Whether a value keeps to the bound; nothing measured does not."""
        if value is None:
            return False
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0.0)


class Scenario(FileModel):
    """One scenario file.

    The seed of a run draws the true ground (strength of rock and cover, boulders, relief), each grip, sensor errors and
    the approach, whatever the scenario says; `vary` draws numbers of the mission besides.

    Attributes:
        mission: shipped name or a file. overrides, anchors, inject: as `stope run` takes them.
        seeds: how many when the command does not say; first_seed: they count from it.
        timeout_s: host seconds after which a run is ended and counts as broken.
    """

    schema_version: Literal[1]
    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str = Field(default="", max_length=2_000)
    mission: str = Field(min_length=1, max_length=512)
    overrides: tuple[Annotated[str, Field(max_length=500)], ...] = Field(default=(), max_length=100)
    anchors: Literal["normal", "none"] = "normal"
    inject: tuple[Annotated[str, Field(max_length=100)], ...] = Field(default=(), max_length=10)
    seeds: int = Field(default=20, ge=1, le=100_000)
    first_seed: int = Field(default=1, ge=0, lt=2**62)
    timeout_s: float = Field(default=600, gt=0, le=86_400)
    vary: tuple[Vary, ...] = Field(default=(), max_length=50)
    acceptance: tuple[Limit, ...] = Field(min_length=1, max_length=50)

    def settings(self, seed: int) -> tuple[str, ...]:
        """The overrides of the run with this seed: the scenario's own, then what varies."""
        return (*self.overrides, *(f"{vary.field}={vary.draw(seed)!r}" for vary in self.vary))


def load_scenario(name_or_path: str | Path, overrides: tuple[str, ...] = ()) -> Scenario:
    """Read a scenario, and check its mission with the values of its first seed.

    Raises:
        InputError: scenario or mission cannot be used.
    """
    file = find_data("scenario", name_or_path)
    tree = checked_mapping(read_tree(file))
    tree = override(tree, overrides) if overrides else tree
    scenario = validate(tree, Scenario)
    if is_path(scenario.mission) and tree.option(("mission",)) is None:
        scenario = scenario.model_copy(update={"mission": str(file.parent / scenario.mission)})
    load_mission(scenario.mission, scenario.settings(scenario.first_seed))
    return scenario
