"""A parsed YAML file on its way from the child that parsed it: plain JSON, and nothing is believed of it on arrival."""

from __future__ import annotations

import json
import math
from typing import Any

from stope.mission.yamltree import Mark, Node


def to_wire(node: Node) -> list[Any]:
    """`["scalar", line, column, value]`, or `["list", ..., items]`, or `["mapping", ..., entries]`."""
    if node.items is not None:
        return ["list", *node.mark, [to_wire(item) for item in node.items]]
    if node.entries is not None:
        return ["mapping", *node.mark, [[key, *mark, to_wire(value)] for key, mark, value in node.entries]]
    return ["scalar", *node.mark, node.scalar]


def from_wire(plain: Any) -> Node:
    """The node again.

    Raises:
        ValueError: this is none.
    """
    match plain:
        case ["scalar", int(line), int(column), value] if _is_scalar(value):
            return Node(Mark(line, column), scalar=value)
        case ["list", int(line), int(column), list(items)]:
            return Node(Mark(line, column), items=tuple(from_wire(item) for item in items))
        case ["mapping", int(line), int(column), list(entries)]:
            return Node(Mark(line, column), entries=tuple(_entry(entry) for entry in entries))
    raise ValueError("not a node")


def plain_json(data: bytes) -> Any:
    """JSON as the standard has it, nested no deeper than Python goes.

    Raises:
        ValueError: it is none.
    """
    try:
        return json.loads(data, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _entry(plain: Any) -> tuple[str, Mark, Node]:
    match plain:
        case [str(key), int(line), int(column), value]:
            return key, Mark(line, column), from_wire(value)
    raise ValueError("not an entry of a mapping")


def _is_scalar(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | str) or (isinstance(value, int) and abs(value) < 2**63)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
