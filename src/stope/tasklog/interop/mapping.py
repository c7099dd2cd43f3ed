"""How a partner's CSV tables become topics: a TOML file that says which column is what, in which unit."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from stope.tasklog.conform.ucum import is_ucum
from stope.tasklog.errors import TaskLogError

_MAX_BYTES = 1024 * 1024
_TIME_US = {"s": 1e6, "ms": 1e3, "us": 1.0}
Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FieldMap(_Strict):
    """One field: value = column * `scale` + `offset`, in `unit` (UCUM). Text is taken as it is."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    column: Text
    type: Literal["double", "int64", "string"] = "double"
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0

    @model_validator(mode="after")
    def _has_unit(self) -> Self:
        if self.type == "string" and (self.unit or self.scale != 1.0 or self.offset):
            raise ValueError("text has neither unit nor scale")
        if self.type != "string" and not is_ucum(self.unit):
            raise ValueError(f"unit {self.unit!r}; expected a UCUM code such as N or m/s, 1 for a plain number")
        if self.type == "int64" and (self.scale != int(self.scale) or self.offset != int(self.offset)):
            raise ValueError("a whole number with a scale that is none; make it a double")
        return self


class TimeMap(_Strict):
    """The column that holds run time, and its unit."""

    column: Text
    unit: Literal["s", "ms", "us"] = "s"

    @property
    def us(self) -> float:
        """Microseconds in one unit."""
        return _TIME_US[self.unit]


class TopicMap(_Strict):
    """One table: `file` is a name in the tables' folder."""

    topic: str = Field(pattern=r"^/[A-Za-z0-9_/.-]{1,199}$")
    file: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. -]{0,199}$")  # a name and never a path
    separator: Literal[",", ";", "\t"] = ","
    time: TimeMap
    field: tuple[FieldMap, ...] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [field.name for field in self.field]
        if len(set(names)) != len(names):
            raise ValueError("two fields of one name")
        return self


class RunMap(_Strict):
    """The run header of the new log."""

    team: Text
    licence: Text
    mission: Text
    robot: Text
    body: Text
    start_utc: str

    @field_validator("start_utc")
    @classmethod
    def _moment(cls, text: str) -> str:
        if datetime.fromisoformat(text).tzinfo is None:
            raise ValueError("a time without zone; write 2027-01-31T00:00:00Z")
        return text


class Mapping(_Strict):
    """The file."""

    run: RunMap
    topic: tuple[TopicMap, ...] = Field(min_length=1, max_length=500)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping.

    Raises:
        TaskLogError: it cannot be read, is not TOML, or breaks a rule; names the field.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise TaskLogError(f"{path}: larger than {_MAX_BYTES} bytes, the limit for a mapping")
        return Mapping.model_validate(tomllib.loads(data.decode()))
    except OSError as error:
        raise TaskLogError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise TaskLogError(f"{path}: {where}: read {str(first.get('input'))[:60]!r}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:  # TOML, or not UTF-8
        raise TaskLogError(f"{path}: is not TOML: {error}") from error
