"""Material: what rock, regolith or bench the robot meets; strengths as distributions, for no site's rock is known."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import NormalDist
from typing import Any, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from stope.mission.shipped import find_data
from stope.mission.source import FileModel, Mismatch, read_yaml


class Distribution(FileModel):
    """A log-normal quantity; a plain number in the file is one that is known exactly (log_sd 0).

    Attributes:
        median: in the unit of the field that holds it.
        log_sd: standard deviation of the natural logarithm; 0.3 is about 30 %.
    """

    median: float = Field(ge=0)
    log_sd: float = Field(default=0.0, ge=0, le=2)

    @model_validator(mode="before")
    @classmethod
    def _plain_number(cls, value: Any) -> Any:
        return {"median": value} if isinstance(value, int | float) and not isinstance(value, bool) else value

    def at(self, z: float) -> float:
        """The value `z` standard deviations from the median: a seeded standard normal `z` makes a draw."""
        return self.median * math.exp(self.log_sd * z)

    def quantile(self, probability: float) -> float:
        """The value that is not exceeded with `probability` (0 < probability < 1)."""
        return self.at(NormalDist().inv_cdf(probability))

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Editors are told that a plain number will do."""
        return {"anyOf": [{"type": "number", "minimum": 0}, handler(core)]}


class Material(FileModel):
    """One material's mechanical properties. SI throughout.

    Attributes:
        density_kg_m3: bulk density as it lies, pores included.
        ucs_pa: unconfined compressive strength; for a regolith the Mohr-Coulomb value 2 c cos(phi) / (1 - sin(phi)).
        cohesion_pa: Mohr-Coulomb cohesion c.
        friction_deg: internal friction angle phi.
        grain_m: median grain diameter (rock: of its cuttings).
        specific_energy_ratio: k in MSE = k UCS (Teale 1965 for its minimum: about 1).
        spine_normal_n, spine_shear_n: median strength of one 256-spine gripper, pulled normal and along the surface.
        spine_log_sd: standard deviation of the logarithm of both from place to place.
        foot_friction: Coulomb coefficient of an open gripper on it.
        archetype: kind of body that it stands for: C, S, M, comet or lab.
        density_log_sd, grain_log_sd: scatter from place to place of density and grain size, of the logarithm.
        friction_sd_deg: the same of the friction angle.
        valuable: mass fraction of what it is mined for: "water", "metal", "platinum_group", ...
        source: where the numbers come from; one that starts with ASSUMED has none and says why it was chosen.
    """

    name: str = Field(min_length=1, max_length=64)
    kind: Literal["rock", "regolith", "ice", "metal", "bench"]
    density_kg_m3: float = Field(ge=50, le=12_000)
    ucs_pa: Distribution
    cohesion_pa: Distribution
    friction_deg: float = Field(ge=0, lt=80)
    grain_m: float = Field(gt=0, le=1)
    specific_energy_ratio: Distribution
    spine_normal_n: float = Field(ge=0, le=5_000)
    spine_shear_n: float = Field(ge=0, le=5_000)
    spine_log_sd: float = Field(ge=0, le=2)
    foot_friction: float = Field(ge=0, le=2)
    archetype: str = Field(default="", max_length=16)
    density_log_sd: float = Field(default=0, ge=0, le=1)
    grain_log_sd: float = Field(default=0, ge=0, le=3)
    friction_sd_deg: float = Field(default=0, ge=0, le=15)
    valuable: dict[str, Distribution] = Field(default={})
    source: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _strength(self) -> Self:
        if self.specific_energy_ratio.median <= 0:
            raise Mismatch("0", "more than 0: cutting costs energy", at=("specific_energy_ratio",))
        for name, share in self.valuable.items():
            if share.median > 1:
                raise Mismatch(f"{share.median:g}", "a mass fraction of at most 1", at=("valuable", name))
        if self.kind in ("rock", "ice", "metal") and self.ucs_pa.median < 10:
            raise Mismatch(
                f"{self.ucs_pa.median:.6g} Pa for a {self.kind}",
                "a compressive strength of at least 10 Pa",
                "call it regolith if it is loose; UCS is in pascals, 5 MPa is 5e6",
                at=("ucs_pa",),
            )
        return self

    @property
    def summary(self) -> str:
        """One line for a list."""
        return (
            f"{self.kind}, {self.density_kg_m3:g} kg/m3, UCS {self.ucs_pa.median:.3g} Pa, "
            f"a gripper holds {self.spine_normal_n:g} N normal, {self.spine_shear_n:g} N shear"
        )

    @property
    def density(self) -> Distribution:
        """Bulk density, kg/m3, as a distribution."""
        return Distribution(median=self.density_kg_m3, log_sd=self.density_log_sd)

    @property
    def grain(self) -> Distribution:
        """Grain diameter, m, as a distribution."""
        return Distribution(median=self.grain_m, log_sd=self.grain_log_sd)

    @property
    def spine_normal(self) -> Distribution:
        """Normal strength of a gripper, N, as a distribution."""
        return Distribution(median=self.spine_normal_n, log_sd=self.spine_log_sd)

    @property
    def spine_shear(self) -> Distribution:
        """Shear strength of a gripper, N, as a distribution."""
        return Distribution(median=self.spine_shear_n, log_sd=self.spine_log_sd)


def load_material(name_or_path: str | Path) -> Material:
    """The shipped material of this name, or a material file.

    Raises:
        InputError: as `find_data` and `read_yaml` say.
    """
    return read_yaml(find_data("material", name_or_path), Material)
