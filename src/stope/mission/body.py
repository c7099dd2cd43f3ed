"""Body: the asteroid (or the bench) that a mission works on. Shape, bulk numbers and spin, with their sources."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stope.mission.errors import InputError
from stope.mission.shipped import find_data, is_path
from stope.mission.source import FileModel, Mismatch, read_yaml

DENSITY_AGREEMENT = 0.15  #: mass over volume may differ from the stated density by this fraction
_DEFAULT_DENSITY_KG_M3 = 2000.0
_DEFAULT_SPIN_PERIOD_S = 8 * 3600.0

#: name -> (mass kg, density kg/m3, spin period s, source), for shape models that come without them
_PUBLISHED = {
    "bennu": (7.329e10, 1190.0, 4.296057 * 3600, "Lauretta et al. 2019; Scheeres et al. 2019"),
    "ryugu": (4.50e11, 1190.0, 7.63262 * 3600, "Watanabe et al. 2019"),
    "itokawa": (3.51e10, 1900.0, 12.132 * 3600, "Fujiwara et al. 2006; Abe et al. 2006"),
    "eros": (6.687e15, 2670.0, 5.270 * 3600, "Yeomans et al. 2000"),
}

PositiveTriple = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class EllipsoidShape(FileModel):
    """A triaxial ellipsoid with seeded relief; the mesh keeps the ellipsoid's volume.

    Attributes:
        semi_axes_m: along body x, y, z; z is the spin axis.
        roughness: largest departure of the local radius, relative to it.
        faces: at least so many triangles.
    """

    kind: Literal["ellipsoid"]
    semi_axes_m: PositiveTriple
    roughness: float = Field(default=0.0, ge=0, le=0.5)
    seed: int = Field(default=0, ge=0)
    faces: int = Field(default=5120, ge=80, le=200_000)

    @property
    def volume_m3(self) -> float:
        """Volume of the smooth ellipsoid."""
        return 4 / 3 * math.pi * math.prod(self.semi_axes_m)


class ObjShape(FileModel):
    """A measured shape model in a Wavefront OBJ file; `unit` is what its vertex coordinates are in."""

    kind: Literal["obj"]
    path: str = Field(min_length=1)
    unit: Literal["m", "km"] = "m"

    @property
    def metres_per_unit(self) -> float:
        """Factor from file coordinates to metres."""
        return {"m": 1.0, "km": 1000.0}[self.unit]


class FlatShape(FileModel):
    """A level bench or test bed under uniform gravity."""

    kind: Literal["flat"]


Shape = Annotated[EllipsoidShape | ObjShape | FlatShape, Field(discriminator="kind")]


class Body(FileModel):
    """What the robot stands on.

    Attributes:
        type: spectral type ("B", "S", ...) or "bench".
        density_kg_m3, mass_kg: bulk values, at least one for a body with a shape; the mass, measured through GM,
            is the better known and wins (`density_for`).
        spin_period_s: sidereal, about +z of the shape; None does not spin.
        gravity_m_s2: uniform downward gravity of a flat bench; a shape makes its own.
        offload_fraction: share of the robot's weight that the bench's offload rig carries.
        source: where the numbers come from, one citation each.
        assumptions: what was assumed for want of a source; shown to the user at the start of a run.
    """

    name: str = Field(min_length=1, max_length=64)
    type: str = Field(min_length=1, max_length=32)
    shape: Shape
    density_kg_m3: float | None = Field(default=None, ge=100, le=10_000)
    mass_kg: float | None = Field(default=None, gt=0, le=1e22)
    spin_period_s: float | None = Field(default=None, ge=60, le=1e8)
    gravity_m_s2: float | None = Field(default=None, gt=0, le=30)
    offload_fraction: float = Field(default=0.0, ge=0, lt=1)
    source: tuple[str, ...] = Field(min_length=1)
    assumptions: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _bench_or_body(self) -> Self:
        flat = self.shape.kind == "flat"
        if flat and self.gravity_m_s2 is None:
            raise Mismatch("nothing", "the field 'gravity_m_s2' for a flat bench", at=("gravity_m_s2",))
        if flat and self.spin_period_s is not None:
            raise Mismatch(f"{self.spin_period_s}", "nothing: a flat bench does not spin", at=("spin_period_s",))
        if not flat and self.gravity_m_s2 is not None:
            remedy = "remove it; gravity follows from shape and mass"
            raise Mismatch(f"{self.gravity_m_s2}", "nothing for a body with a shape", remedy, at=("gravity_m_s2",))
        if not flat and self.offload_fraction > 0:
            remedy = "weight is offloaded in a laboratory, not on an asteroid"
            raise Mismatch(f"{self.offload_fraction}", "0 unless the shape is flat", remedy, at=("offload_fraction",))
        if not flat and self.density_kg_m3 is None and self.mass_kg is None:
            raise Mismatch("nothing", "'density_kg_m3' or 'mass_kg' or both", at=("density_kg_m3",))
        return self

    @model_validator(mode="after")
    def _mass_agrees(self) -> Self:
        if isinstance(self.shape, EllipsoidShape):
            wrong = self._disagreement(self.shape.volume_m3)
            if wrong:
                raise Mismatch(*wrong, "correct semi_axes_m, mass_kg or density_kg_m3", at=("density_kg_m3",))
        return self

    def density_for(self, volume_m3: float) -> float:
        """Density, kg/m3, that a uniform shape of this volume needs: mass over volume, or the stated density.

        Raises:
            InputError: the stated mass and density do not agree with this volume within 15 %; mostly a wrong unit.
        """
        wrong = self._disagreement(volume_m3)
        if wrong:
            remedy = "check the unit of the shape (--body-unit), or write a body file with this shape's own mass"
            file = self.shape.path if isinstance(self.shape, ObjShape) else f"body {self.name}"
            raise InputError(file, read=wrong[0], expected=wrong[1], remedy=remedy)
        if self.mass_kg is not None:
            return self.mass_kg / volume_m3
        assert self.density_kg_m3 is not None  # _bench_or_body; a flat bench has no volume to ask for
        return self.density_kg_m3

    def _disagreement(self, volume_m3: float) -> tuple[str, str] | None:
        if self.density_kg_m3 is None or self.mass_kg is None:
            return None
        from_mass = self.mass_kg / volume_m3
        if abs(from_mass / self.density_kg_m3 - 1) <= DENSITY_AGREEMENT:
            return None
        read = f"a volume of {volume_m3:.4g} m3, which with {self.mass_kg:.4g} kg makes {from_mass:.4g} kg/m3"
        return read, f"{self.density_kg_m3:.4g} kg/m3 within {DENSITY_AGREEMENT:.0%}"

    @property
    def summary(self) -> str:
        """One line for a list."""
        if self.gravity_m_s2 is not None:
            return f"bench, {self.gravity_m_s2:g} m/s2, {self.offload_fraction:.0%} of the weight offloaded"
        parts = [f"type {self.type}", self.shape.kind]
        parts += [f"{self.mass_kg:.4g} kg"] if self.mass_kg is not None else []
        parts += [f"{self.density_kg_m3:g} kg/m3"] if self.density_kg_m3 is not None else []
        parts += [f"spins in {self.spin_period_s / 3600:.4g} h"] if self.spin_period_s is not None else []
        return ", ".join(parts)

    @property
    def spin_rad_s(self) -> float:
        """Spin rate about +z; 0 for a bench."""
        return 0.0 if self.spin_period_s is None else 2 * math.pi / self.spin_period_s

    @classmethod
    def with_obj(cls, path: Path | str, unit: str = "m") -> Body:
        """The body of `--body FILE.obj`: published mass, density and spin when the file name says which body it is.

        Otherwise 2000 kg/m3 and 8 h are assumed, and `assumptions` says so.

        Raises:
            InputError: no such file, or a unit that is neither m nor km.
        """
        file = Path(path)
        if not file.is_file():
            raise InputError(str(file), read="no such file", expected="a Wavefront OBJ shape model")
        if unit not in ("m", "km"):
            raise InputError("--body-unit", read=f"'{unit}'", expected="m or km")
        shape = {"kind": "obj", "path": str(file), "unit": unit}
        known = next((name for name in _PUBLISHED if name in file.stem.lower()), None)
        if known is not None:
            mass, density, period, source = _PUBLISHED[known]
            note = f"mass, density and spin of {known} are used because the file is called {file.name}"
            return cls.model_validate(
                {
                    "name": file.stem[:64], "type": "shape model", "shape": shape, "mass_kg": mass,
                    "density_kg_m3": density, "spin_period_s": period, "source": (source,), "assumptions": (note,),
                }
            )  # fmt: skip
        notes = (
            f"density {_DEFAULT_DENSITY_KG_M3:.0f} kg/m3 is assumed for {file.name}; a body file states the real one",
            f"a spin period of {_DEFAULT_SPIN_PERIOD_S / 3600:.0f} h is assumed for {file.name}",
        )
        return cls.model_validate(
            {
                "name": file.stem[:64], "type": "shape model", "shape": shape, "density_kg_m3": _DEFAULT_DENSITY_KG_M3,
                "spin_period_s": _DEFAULT_SPIN_PERIOD_S, "source": (f"shape: {file.name}",), "assumptions": notes,
            }
        )  # fmt: skip


def load_body(name_or_path: str | Path, unit: str = "m") -> Body:
    """The shipped body of this name, a body file, or a shape model (`.obj`, whose `unit` is "m" or "km").

    Raises:
        InputError: as `find_data` and `read_yaml` say.
    """
    if is_path(str(name_or_path)) and Path(name_or_path).suffix.lower() == ".obj":
        return Body.with_obj(name_or_path, unit)
    file = find_data("body", name_or_path)
    body = read_yaml(file, Body)
    if isinstance(body.shape, ObjShape):  # relative to the file that says it
        shape = body.shape.model_copy(update={"path": str(file.parent / body.shape.path)})
        body = body.model_copy(update={"shape": shape})
        if not Path(shape.path).is_file():
            raise InputError(
                str(file), read=f"'{shape.path}'", expected="a shape model that exists", field="shape.path"
            )
    return body


__all__ = ["Body", "EllipsoidShape", "FlatShape", "ObjShape", "Shape", "load_body"]
