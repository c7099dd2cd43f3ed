"""A case, its checks and what came of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from stope.mission.source import FileModel, Mismatch, read_yaml

Verdict = Literal["pass", "miss", "skip"]
FILE = Path(__file__).with_name("cases.yaml")


class Absent(Exception):  # noqa: N818 - it is no error: the case cannot be run here
    """What a case needs is not here; the message says what."""


class Check(FileModel):
    """One number (or property) and how near we must come; exactly one tolerance.

    Attributes:
        value: published or analytic; unit: of it, "1" for a plain number.
        rel, abs: relative and absolute tolerance; factor: ours within value / f .. value x f.
        range: inclusive; at_least, at_most: the value is a bound; holds: no number, a property that must be true.
    """

    value: float | None = None
    unit: str = "1"
    rel: float | None = Field(default=None, gt=0)
    abs: float | None = Field(default=None, ge=0)
    factor: float | None = Field(default=None, gt=1)
    range: tuple[float, float] | None = None
    at_least: bool = False
    at_most: bool = False
    holds: bool = False

    @model_validator(mode="after")
    def _one_tolerance(self) -> Self:
        given = [name for name in ("rel", "abs", "factor", "range") if getattr(self, name) is not None]
        given += [name for name in ("at_least", "at_most", "holds") if getattr(self, name)]
        if len(given) != 1:
            raise Mismatch(", ".join(given) or "no tolerance", "one tolerance")
        if not self.holds and self.value is None:
            raise Mismatch("no value", "the published value")
        return self

    @property
    def tolerance(self) -> str:
        """The tolerance in words."""
        if self.rel is not None:
            return f"{self.rel * 100:g} %" if self.rel >= 1e-4 else f"{self.rel:g} relative"
        if self.abs is not None:
            return f"+-{self.abs:g}"
        if self.factor is not None:
            return f"factor {self.factor:g}"
        if self.range is not None:
            return f"{self.range[0]:g} to {self.range[1]:g}"
        return "at least" if self.at_least else "at most" if self.at_most else "holds"

    def judge(self, ours: float) -> bool:
        """Whether `ours` is near enough; NaN never is."""
        if self.holds:
            return ours == 1.0
        assert self.value is not None  # _one_tolerance
        if self.rel is not None:
            return abs(ours - self.value) <= self.rel * abs(self.value)
        if self.abs is not None:
            return abs(ours - self.value) <= self.abs
        if self.factor is not None:
            return self.value / self.factor <= ours <= self.value * self.factor
        if self.range is not None:
            return self.range[0] <= ours <= self.range[1]
        return ours >= self.value if self.at_least else ours <= self.value


class Case(FileModel):
    """One row of the table.

    Attributes:
        checks: name -> check.
        assumed: what the source leaves open and we chose.
        miss: why the case is known to miss; empty for one that must pass.
    """

    id: str = Field(pattern=r"^[A-Z]\d\d$")
    what: str
    source: str
    confidence: str
    checks: dict[str, Check] = Field(min_length=1)
    assumed: str = ""
    miss: str = ""


class CaseFile(FileModel):
    """`cases.yaml`."""

    schema_version: Literal[1]
    cases: tuple[Case, ...]

    @model_validator(mode="after")
    def _once(self) -> Self:
        ids = [case.id for case in self.cases]
        if len(set(ids)) < len(ids):
            twice = next(name for name in ids if ids.count(name) > 1)
            raise Mismatch(f"{twice} twice", "each case once", at=("cases",))
        return self


class CheckResult(FileModel):
    """What one check came to; `ours` is None when it was skipped, and `why` says so."""

    name: str
    published: float | None
    unit: str
    tolerance: str
    ours: float | None
    verdict: Verdict
    why: str = ""


class Result(FileModel):
    """What one case came to.

    Attributes:
        verdict: miss if any check misses, skip if none could be run, else pass.
        note: the explanation of a miss, or what was assumed or skipped.
    """

    id: str
    what: str
    source: str
    confidence: str
    verdict: Verdict
    checks: tuple[CheckResult, ...]
    note: str = ""
    seconds: float = 0.0

    @property
    def explained(self) -> bool:
        """Whether this is no miss, or one that the table explains."""
        return self.verdict != "miss" or bool(self.note)


@cache
def load_cases() -> dict[str, Case]:
    """Id -> case, in the order of the table.

    Raises:
        InputError: the file is not what it should be.
    """
    return {case.id: case for case in read_yaml(FILE, CaseFile).cases}
