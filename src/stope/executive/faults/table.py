"""The fault table as typed rows. `stope faults list`, the docs and the tests read it through here."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stope.mission.source import FileModel, Mismatch, read_yaml

FILE = Path(__file__).with_name("table.yaml")
NAME = r"^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$"
TEST = r"^tests/[\w/]+/test_\w+\.py::test_\w+$"


class Fault(FileModel):
    """One row: what can go wrong, how it shows, what is done, and which test proves it.

    Attributes:
        id: name of the fault, as in alarms, reason codes and `--inject`.
        hazard: what happens in the world, one sentence.
        signal: what is watched, and where.
        threshold, unit: when the signal counts as the fault; unit in UCUM code.
        time_s: within which it is detected once the threshold is passed.
        response: what stack or device does.
        blocking: whether the mission ends for it.
        action: what the executive does, where the row is its own to answer: "recover" (grip again, end), "park" (tools
            home, stow, stay anchored, end), "stop" (end at once, device safe), "wind_up" (the running task brings its
            tool home and fails), "take_tool" (as that, and the tool is not used again), "note" (log it). Empty where
            device, controller or session answer by themselves.
        inject: name to cause it in a simulated run, or empty.
        test: the test that proves it, as pytest names it.
    """

    id: Annotated[str, Field(pattern=NAME)]
    hazard: Annotated[str, Field(min_length=10)]
    signal: Annotated[str, Field(min_length=3)]
    threshold: Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
    unit: Annotated[str, Field(min_length=1)]
    time_s: Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
    response: Annotated[str, Field(min_length=3)]
    blocking: bool
    action: Literal["", "recover", "park", "stop", "wind_up", "take_tool", "note"] = ""
    inject: str = ""
    test: Annotated[str, Field(pattern=TEST)]


class FaultTable(FileModel):
    """The whole file."""

    schema_version: Literal[1]
    faults: tuple[Fault, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        seen: set[str] = set()
        for index, fault in enumerate(self.faults):
            if fault.id in seen:
                raise Mismatch(f"'{fault.id}' a second time", "each id once", at=("faults", index, "id"))
            seen.add(fault.id)
            if fault.blocking != (fault.action in ("recover", "park", "stop")) and fault.action:
                raise Mismatch(
                    f"action '{fault.action}' with blocking: {str(fault.blocking).lower()}",
                    "blocking: true for recover, park and stop, false for the others", at=("faults", index, "action"),
                )  # fmt: skip
        return self


def read_faults(file: Path) -> tuple[Fault, ...]:
    """The rows of a fault table file, in its order.

    Raises:
        InputError: the file is not a fault table; `InputErrors` for several mistakes.
    """
    return read_yaml(file, FaultTable).faults


def find_fault(row: str) -> Fault:
    """The shipped row of that id.

    Raises:
        KeyError: there is none.
    """
    return _by_id()[row]


@cache
def _by_id() -> dict[str, Fault]:
    return {fault.id: fault for fault in load_faults()}


@cache
def load_faults() -> tuple[Fault, ...]:
    """The rows of the shipped table, in its order."""
    return read_faults(FILE)
