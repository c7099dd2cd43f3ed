"""`--set tasks.drill.depth_m=0.05`: one value of a file, said on the command line, checked by the same models."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stope.mission.errors import InputError
from stope.mission.explain import suggestion
from stope.mission.yamltree import Path, Tree, parse

_NAMED_BY = ("task", "name")  # what names an entry of a list


def apply_overrides(data: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A copy of `data` in which each `path=value` holds. Nothing is checked against a model yet.

    A step of a path is a key, or a list entry's index or name ("drill" for the entry whose task is drill).

    Raises:
        InputError: no '=', a path that leads nowhere, or a value that is not YAML.
    """
    changed: dict[str, Any] = override(Tree("data", data), overrides).data
    return changed


def override(tree: Tree, overrides: Sequence[str]) -> Tree:
    """As `apply_overrides`, over a parsed file: later errors at these paths name the option, not file and line."""
    data = copy.deepcopy(tree.data)
    options = dict(tree.options)
    for text in overrides:
        option = f"--set {text}"
        dotted, equals, value = text.partition("=")
        steps = [step.strip() for step in dotted.split(".")]
        if not equals or not all(steps):
            raise InputError(option, read=f"'{text}'", expected="path=value", remedy="e.g. tasks.drill.depth_m=0.05")
        path = _set(data, steps, parse(value, option).data, option)
        options[path] = option
    return replace(tree, data=data, options=options)


def _set(data: Any, steps: list[str], value: Any, option: str) -> Path:
    path: list[str | int] = []
    here = data
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        at = ".".join(steps[:number]) or "the file"
        key: str | int = step
        if isinstance(here, list):
            key = _entry(here, step, at, option)
        elif not isinstance(here, dict):
            raise InputError(option, read=f"'{step}' below {at}, which is {here!r}", expected="a path to a field")
        path.append(key)
        if last:
            here[key] = value
        elif isinstance(here, dict):
            if here.get(step) is None:
                here[step] = {}  # a mapping that the file left at its defaults
            elif isinstance(here[step], int | float) and steps[number + 1] in ("median", "log_sd"):
                here[step] = {"median": here[step]}
            here = here[step]
        else:
            here = here[key]
    return tuple(path)


def _entry(entries: list[Any], step: str, at: str, option: str) -> int:
    if step.isdecimal():
        if int(step) < len(entries):
            return int(step)
        raise InputError(option, read=f"entry {step} of {at}", expected=f"0 to {len(entries) - 1}")
    names = [next((e[k] for k in _NAMED_BY if k in e), None) if isinstance(e, dict) else None for e in entries]
    found = [index for index, name in enumerate(names) if name == step]
    if len(found) == 1:
        return found[0]
    known = [str(name) for name in names if name is not None]
    if found:
        raise InputError(option, read=f"'{step}', which {at} has {len(found)} times", expected=f"an index, {found}")
    raise InputError(
        option, read=f"'{step}', which {at} has not", expected=f"one of its entries{suggestion(step, known)}"
    )
