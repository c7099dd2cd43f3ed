"""Files that did not come with Stope are parsed in a child with a ceiling, and its answer is checked before it is used.

The child holds the parser: text to values, lines to triangles. What the values mean is judged here, by models with
bounds. A child that a file has taken over can say what such a file could have said, and no more.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

import stope
from stope.confined import Ceiling, CeilingError, confined
from stope.mission.errors import InputError
from stope.mission.shipped import data_root
from stope.mission.yamltree import Tree, planted
from stope.mission.yamlwire import from_wire, plain_json

YAML_CEILING = Ceiling(memory_mb=512, cpu_s=30, wall_s=120.0)
_TASKS = "stope.mission.outside_tasks"


class _Parts(BaseModel):
    """An `InputError`, in parts."""

    model_config = ConfigDict(strict=True, extra="forbid")

    file: str
    read: str
    expected: str
    remedy: str
    field: str
    line: int | None
    column: int | None


def is_ours(path: Path) -> bool:
    """Whether a file came with Stope: it lies in the package or in the data beside it, whatever links lead there."""
    try:
        file = path.resolve()
    except (OSError, RuntimeError, ValueError):
        return True  # a circle of links or a NUL: it cannot be opened, and its reader says so
    return any(file.is_relative_to(folder) for folder in _our_folders())


def tree_from_outside(path: Path) -> Tree:
    """As `source.read_tree`, parsed in a child.

    Raises:
        InputError: what the child found wrong, or that it took more than it may.
    """
    answer = asked(path, "yaml_parsed", ceiling=YAML_CEILING)
    try:
        said = plain_json(answer)
        refuse_as_told(said)
        root = None if said["root"] is None else from_wire(said["root"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise broken_answer(path) from error
    return planted(root, str(path))


def asked(path: Path, task: str, *arguments: str, ceiling: Ceiling) -> bytes:
    """What a child answers of `path`.

    Raises:
        InputError: it took more than it may, or broke.
    """
    try:
        return confined(f"{_TASKS}:{task}", str(path), *arguments, ceiling=ceiling)
    except CeilingError as error:
        read = f"what cannot be parsed within limits ({error})"
        raise InputError(str(path), read=read, expected="a file for people") from error


def refuse_as_told(said: Any) -> None:
    """Raise what the child found wrong, if it found something.

    Raises:
        InputError: that.
        ValueError: `said` is no answer.
    """
    if not isinstance(said, dict):
        raise ValueError("not an object")
    if "refused" in said:
        raise InputError(**_Parts.model_validate(said["refused"]).model_dump())


def broken_answer(path: Path) -> InputError:
    """The sentence on a child that answers nonsense."""
    return InputError(str(path), read="what broke its reader", expected="a file as Stope documents it")


@cache
def _our_folders() -> tuple[Path, ...]:
    return Path(stope.__file__).resolve().parent, data_root().resolve()
