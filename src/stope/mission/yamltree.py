"""YAML 1.2 text -> plain values plus the line and column of every one of them.

Built over ruamel's event stream rather than its loader, because a loader forgets where things stood. The scalar rules
are the YAML 1.2 core schema (yaml.org/spec/1.2.2, section 10.3.2) and no more: `1e-3` is a number, `on` and `1:30` are
text. Tags are refused, aliases are expanded within a budget, and depth is capped before anything recurses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from stope.mission.errors import InputError

MAX_DEPTH = 32  #: nesting of a file; the deepest shipped file nests 4
MAX_VALUES = 100_000  #: values after aliases are expanded
MAX_TEXT = 2_000_000  #: letters of keys and values, likewise; a file has at most 1 000 000

Path = tuple[str | int, ...]
_END = (MappingEndEvent, SequenceEndEvent)
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)|[-+]?(nan|inf|infinity)", re.IGNORECASE)
_CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}


class Mark(NamedTuple):
    """A 1-based position in the text."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed file.

    Attributes:
        file: the name that errors state.
        data: dict, list, str, int, float, bool and None only; every number finite.
        keys: where the key of each mapping entry stands.
        values: where each value starts.
        options: command-line options that set a value, by its path; errors there name the option.
    """

    file: str
    data: Any
    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)
    options: dict[Path, str] = field(default_factory=dict)

    def option(self, path: Path) -> str | None:
        """The option that set the value at `path` or something around it."""
        return next((self.options[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.options), None)

    def error(self, path: Path, read: str, expected: str, remedy: str = "", *, key: bool = False) -> InputError:
        """The sentence about the value (or key) at `path`: it names the option that set it, or file, line and field."""
        option = self.option(path)
        if option is not None:
            return InputError(option, read=read, expected=expected, remedy=remedy)
        line, column = self.where(path, key=key) or (None, None)
        dotted = ".".join(str(step) for step in path)
        return InputError(
            self.file, read=read, expected=expected, remedy=remedy, field=dotted, line=line, column=column
        )

    def where(self, path: Path, *, key: bool = False) -> Mark | None:
        """Position of the value (or its key) at `path`, or of the nearest thing around it that the file holds."""
        if not key and path in self.values:
            return self.values[path]
        for end in range(len(path), -1, -1):
            found = self.keys.get(path[:end]) or self.values.get(path[:end])
            if found is not None:
                return found
        return None


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it starts: a scalar, a list's `items`, or a mapping's `entries` (key, its place, value)."""

    mark: Mark
    scalar: Any = None
    items: tuple[Node, ...] | None = None
    entries: tuple[tuple[str, Mark, Node], ...] | None = None


def parse(text: str, file: str) -> Tree:
    """Parse one YAML document.

    Raises:
        InputError: not YAML 1.2, a duplicate key, a tag, NaN or infinity, too deep, or aliases that expand without end.
    """
    return planted(grown(text, file), file)


def grown(text: str, file: str) -> Node | None:
    """The document's nodes, those that aliases name shared; None where there is no document. Errors as in `parse`."""
    events = _events(text, file)
    root: Node | None = None
    reader = _Reader(file, events)
    for event in events:
        if isinstance(event, DocumentStartEvent):
            if root is not None:
                raise reader.refuse(event, "a second document ('---')", "one document a file")
            root = reader.node(next(events), depth=0)
    return root


def planted(root: Node | None, file: str) -> Tree:
    """The tree of these nodes.

    Raises:
        InputError: aliases that expand without end.
    """
    tree = Tree(file, None)
    if root is None:
        return tree
    _mark(root, (), tree, _Budget(MAX_VALUES, MAX_TEXT))  # before _plain: aliases may expand without end
    return replace(tree, data=_plain(root))


def _events(text: str, file: str) -> Iterator[Event]:
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        context = f" {error.context}" if error.context else ""
        raise InputError(
            file, read=f"what is not YAML{context} ({error.problem})", expected="YAML 1.2", line=line, column=column
        ) from error
    except YAMLError as error:  # the reader's: a control character
        sentence = str(error).splitlines()[0]
        raise InputError(file, read=f"what is not text ({sentence})", expected="YAML 1.2 in UTF-8") from error


class _Reader:
    """Builds nodes from events. Recursion is bounded by MAX_DEPTH."""

    def __init__(self, file: str, events: Iterator[Event]) -> None:
        self._file, self._events = file, events
        self._anchors: dict[str, Node] = {}
        self._path: list[str] = []
        self._left = MAX_VALUES

    def refuse(self, event: Event, read: str, expected: str, remedy: str = "") -> InputError:
        mark = _position(event)
        return InputError(
            self._file, read=read, expected=expected, remedy=remedy,
            field=".".join(self._path), line=mark.line, column=mark.column,
        )  # fmt: skip

    def node(self, event: Event, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.refuse(event, f"values nested more than {MAX_DEPTH} deep", f"at most {MAX_DEPTH} levels")
        self._left -= 1
        if self._left < 0:
            raise self.refuse(event, f"more than {MAX_VALUES} values", "a file for people")
        if isinstance(event, AliasEvent):
            if event.anchor not in self._anchors:
                raise self.refuse(
                    event, f"the alias *{event.anchor}", "an anchor that was defined and closed before it"
                )
            return self._anchors[event.anchor]
        assert isinstance(event, MappingStartEvent | SequenceStartEvent | ScalarEvent)  # the parser yields nothing else
        if event.tag is not None:
            raise self.refuse(event, f"the tag {event.tag}", "plain values", "remove the tag")
        if isinstance(event, MappingStartEvent):
            node = self._mapping(event, depth)
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(event, depth)
        else:
            node = Node(_position(event), scalar=self._scalar(event))
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _sequence(self, start: Event, depth: int) -> Node:
        items: list[Node] = []
        while not isinstance(item := next(self._events), _END):
            items.append(self._at(str(len(items)), item, depth))
        return Node(_position(start), items=tuple(items))

    def _at(self, step: str, event: Event, depth: int) -> Node:
        self._path.append(step)
        node = self.node(event, depth + 1)
        self._path.pop()
        return node

    def _mapping(self, start: Event, depth: int) -> Node:
        seen: dict[str, Mark] = {}
        entries = []
        while not isinstance(event := next(self._events), _END):
            if not isinstance(event, ScalarEvent):
                raise self.refuse(event, "a key that is not text", "a field name")
            key, mark = self._text(event), _position(event)
            if key == "<<" and event.style is None:
                raise self.refuse(event, "a merge key '<<'", "the fields written out", "merge keys are not YAML 1.2")
            if key in seen:
                raise self.refuse(event, f"the key '{key}' again", f"it once; line {seen[key].line} has it already")
            seen[key] = mark
            entries.append((key, mark, self._at(key, next(self._events), depth)))
        return Node(_position(start), entries=tuple(entries))

    def _text(self, event: ScalarEvent) -> str:
        text: str = event.value
        if not any("\ud800" <= letter <= "\udfff" for letter in text):
            return text
        try:  # JSON writes a letter beyond the first 65 536 as such a pair
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self.refuse(event, "half of a surrogate pair", "Unicode text") from None

    def _scalar(self, event: ScalarEvent) -> Any:
        text = self._text(event)
        if event.style is not None:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INT.fullmatch(text) and len(text) <= 40:
            value = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            if abs(value) < 2**63:
                return value
            raise self.refuse(event, f"the whole number {text}", "one that fits in 64 bits")
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isfinite(number):
                return number
        elif not _NOT_FINITE.fullmatch(text):
            return text
        raise self.refuse(event, text if len(text) < 40 else f"{text[:37]}...", "a finite number")


def _position(event: Event) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


@dataclass(slots=True)
class _Budget:
    """What may still be told of a file."""

    values: int
    text: int


def _mark(node: Node, path: Path, tree: Tree, budget: _Budget) -> None:
    budget.values -= 1
    budget.text -= len(node.scalar) if isinstance(node.scalar, str) else 0
    if budget.values < 0 or budget.text < 0 or len(path) > 2 * MAX_DEPTH:
        raise InputError(
            tree.file,
            read=f"aliases that expand to more than {MAX_VALUES} values or {MAX_TEXT} letters",
            expected="a file for people",
            line=node.mark.line,
            column=node.mark.column,
        )
    tree.values[path] = node.mark
    for index, item in enumerate(node.items or ()):
        _mark(item, (*path, index), tree, budget)
    for key, mark, value in node.entries or ():
        budget.text -= len(key)
        tree.keys[(*path, key)] = mark
        _mark(value, (*path, key), tree, budget)


def _plain(node: Node) -> Any:
    if node.items is not None:
        return [_plain(item) for item in node.items]
    if node.entries is not None:
        return {key: _plain(value) for key, _, value in node.entries}
    return node.scalar
