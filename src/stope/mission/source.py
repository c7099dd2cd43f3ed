"""From a YAML file to a checked model, or to sentences that name file, line and field of everything that is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from stope.mission.errors import InputError
from stope.mission.explain import MOST_EXPLAINED, Mismatch, did_you_mean, explain
from stope.mission.outside import is_ours, tree_from_outside
from stope.mission.overrides import apply_overrides, override
from stope.mission.shipped import data_root, find_data, shipped
from stope.mission.textfile import read_text
from stope.mission.yamltree import Tree, parse

M = TypeVar("M", bound=BaseModel)

MAX_TOLD = 20  #: errors told at once; the wrong kind of file makes more


class FileModel(BaseModel):
    """Base of everything that is loaded from a file: frozen, no unknown keys, no coercion, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class InputErrors(InputError):  # noqa: N818 - the plural is the point
    """Several things wrong in one file: `str` has one line each; the attributes are those of the first."""

    def __init__(self, errors: Sequence[InputError]) -> None:
        first = errors[0]
        super().__init__(
            first.file,
            read=first.read,
            expected=first.expected,
            remedy=first.remedy,
            field=first.field,
            line=first.line,
            column=first.column,
        )
        self.errors = tuple(errors)

    def __str__(self) -> str:
        lines = [str(error) for error in self.errors[:MAX_TOLD]]
        more = len(self.errors) - len(lines)
        if more:
            lines.append(f"and {more} more" if len(self.errors) < MOST_EXPLAINED else "and many more")
        return "\n".join(lines)


def read_yaml(path: Path | str, schema: type[M], overrides: Sequence[str] = ()) -> M:
    """Read one YAML 1.2 file into `schema`.

    Args:
        path: the file.
        schema: a pydantic model; `FileModel` is the base to use.
        overrides: `path=value` each, applied before the check (`--set`).

    Raises:
        InputError: missing, too large, binary, not YAML, or one thing wrong in it.
        InputErrors: several things wrong in it, in the order of the file.
    """
    return validate(read_tree(path), schema, overrides)


def read_tree(path: Path | str) -> Tree:
    """Parse the file and remember where everything stands; one that did not come with Stope in a process of its own.

    Raises:
        InputError: missing, not a file, too large, binary or not YAML.
    """
    return parse(read_text(Path(path)), str(path)) if is_ours(Path(path)) else tree_from_outside(Path(path))


def validate(tree: Tree, schema: type[M], overrides: Sequence[str] = ()) -> M:
    """Check a parsed file against `schema`; errors as in `read_yaml`."""
    checked_mapping(tree)
    tree = override(tree, overrides) if overrides else tree
    try:
        # Through JSON: strict JSON mode takes a list for a tuple, but never text for a number.
        return schema.model_validate_json(json.dumps(tree.data, allow_nan=False), strict=True)
    except ValidationError as error:
        errors = explain(error, tree, schema)
    raise errors[0] if len(errors) == 1 else InputErrors(errors)


def checked_mapping(tree: Tree) -> Tree:
    """`tree` itself, when the file holds a mapping.

    Raises:
        InputError: it is empty, a list or a single value.
    """
    if not isinstance(tree.data, dict):
        mark = tree.where(())
        read = "nothing" if tree.data is None else "a list" if isinstance(tree.data, list) else repr(tree.data)[:60]
        line, column = mark if mark and tree.data is not None else (None, None)
        raise InputError(tree.file, read=read, expected="a mapping of fields ('key: value')", line=line, column=column)
    return tree


__all__ = [
    "FileModel",
    "InputError",
    "InputErrors",
    "Mismatch",
    "apply_overrides",
    "checked_mapping",
    "data_root",
    "did_you_mean",
    "find_data",
    "read_tree",
    "read_yaml",
    "shipped",
    "validate",
]
