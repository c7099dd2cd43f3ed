"""pydantic's errors, told as sentences about the file: place, field, what was read, what was expected, did you mean."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stope.mission.errors import InputError
from stope.mission.units import advice, stem, suffix_of, words_for
from stope.mission.yamltree import Path, Tree

MOST_EXPLAINED = 200  #: things wrong with one file; to look for what each was meant to be takes time

_NOUNS = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of fields",
    "model_type": "a mapping of fields",
    "finite_number": "a finite number",
}
_BOUNDS = {"greater_than": "more than {gt}", "greater_than_equal": "at least {ge}", "less_than": "less than {lt}",
           "less_than_equal": "at most {le}"}  # fmt: skip


class Mismatch(ValueError):  # noqa: N818 - it is raised inside validators and never reaches a caller
    """A model's own check failed: raise it in a validator to have file, line and column put in front of it.

    Args:
        read: what was found.
        expected: what would have been right.
        remedy: what to do.
        at: path of the culprit below the model, e.g. ("tasks", 2, "task"); the model itself when empty.
    """

    def __init__(self, read: str, expected: str, remedy: str = "", at: Path = ()) -> None:
        self.read, self.expected, self.remedy, self.at = read, expected, remedy, at
        super().__init__(f"read {read}, expected {expected}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest of `known` to `word`, units aside (depth, depth_mm -> depth_m); "" when none is near."""
    names = list(known)
    same_stem = [name for name in names if stem(name) == stem(word)]
    if same_stem:
        return same_stem[0]
    folded = {name.lower().replace("-", "_"): name for name in names}
    near = difflib.get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else ""


def suggestion(word: str, known: Iterable[str]) -> str:
    """ " (did you mean 'x'?)", or the choices when none is near and they are few enough to read."""
    names = list(known)
    near = did_you_mean(word, names)
    if near:
        return f" (did you mean '{near}'?)"
    return f" ({', '.join(names)})" if 0 < len(names) <= 16 else ""


def explain(error: ValidationError, tree: Tree, schema: type[BaseModel]) -> list[InputError]:
    """One InputError for each thing that is wrong, in the order of the file.

    A field that is missing because its key was misspelt is told once, as the misspelling. Of very many only the first
    `MOST_EXPLAINED` are looked at.
    """
    told: dict[tuple[int, int, str, str], InputError] = {}
    missing: dict[Path, list[str]] = {}
    missing_entries: dict[Path, InputError] = {}  # the last of a list wins: it knows the length
    misspelt = set()
    located = [
        (detail, *_walk(detail["loc"], tree.data, schema))
        for detail in error.errors(include_url=False)[:MOST_EXPLAINED]
    ]
    for detail, path, fields in located:
        if detail["type"] == "extra_forbidden":
            misspelt.add((*path[:-1], did_you_mean(str(path[-1]), fields)))
    for detail, path, fields in located:
        if detail["type"] == "missing" and isinstance(detail["loc"][-1], int):  # a tuple that ends too early
            length = detail["loc"][-1] + 1
            missing_entries[path] = tree.error(path, _short(detail["input"]), f"{length} entries")
        elif detail["type"] == "missing":
            if path not in misspelt:
                missing.setdefault(path[:-1], []).append(str(path[-1]))
        elif not _is_echo(detail):
            _tell(told, _sentence(detail, path, fields, tree))
    for parent, names in missing.items():
        _tell(told, _missing(parent, names, tree))
    for sentence in missing_entries.values():
        _tell(told, sentence)
    return [told[place] for place in sorted(told)]


def _tell(told: dict[tuple[int, int, str, str], InputError], sentence: InputError) -> None:
    told.setdefault((sentence.line or 0, sentence.column or 0, sentence.field, sentence.file), sentence)


def _is_echo(detail: ErrorDetails) -> bool:
    """A list that pydantic calls too short only because entries of it are wrong, which is told by itself."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail.get("ctx", {})["min_length"]


def _missing(parent: Path, names: list[str], tree: Tree) -> InputError:
    if len(names) > 1:
        listed = ", ".join(f"'{name}'" for name in names)
        return tree.error(parent, "nothing", f"the fields {listed}", key=True)
    words = words_for(names[0])
    return tree.error(
        (*parent, names[0]), "nothing", f"the field '{names[0]}'" + (f", in {words}" if words else ""), key=True
    )


def _sentence(detail: ErrorDetails, path: Path, fields: list[str], tree: Tree) -> InputError:
    kind, context = detail["type"], detail.get("ctx", {})
    name = _name(path)
    remedy = ""
    if kind == "extra_forbidden":
        key = str(path[-1])
        near = did_you_mean(key, fields)
        read, expected = f"the unknown key '{key}'", "a known one" + suggestion(key, fields)
        if words_for(near) and suffix_of(key) != suffix_of(near):
            remedy = f"it is in {words_for(near)}"
    elif kind in ("union_tag_not_found", "union_tag_invalid"):
        return _union_tag(detail, path, tree)
    elif kind == "value_error" and isinstance(context.get("error"), Mismatch):
        mismatch: Mismatch = context["error"]
        path = (*path, *mismatch.at)
        read, expected, remedy = mismatch.read, mismatch.expected, mismatch.remedy
    else:
        read, expected = _short(detail["input"]), _expected(detail, name)
        if isinstance(detail["input"], str) and "number" in expected:
            remedy = advice(name, detail["input"])
    return tree.error(path, read, expected, remedy, key=kind == "extra_forbidden")


def _union_tag(detail: ErrorDetails, path: Path, tree: Tree) -> InputError:
    context = detail.get("ctx", {})
    discriminator = str(context["discriminator"]).strip("'")
    known = [tag.strip(" '") for tag in str(context.get("expected_tags", "")).split(",") if tag.strip()]
    read = f"no '{discriminator}'"
    expected = f"the field '{discriminator}', which says what the rest means"
    if "tag" in context:
        path = (*path, discriminator)
        read, expected = f"'{context['tag']}'", "one of " + ", ".join(known)
        near = did_you_mean(str(context["tag"]), known)
        expected += f" (did you mean '{near}'?)" if near else ""
    return tree.error(path, read, expected)


def _expected(detail: ErrorDetails, name: str) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _BOUNDS:
        bound = _BOUNDS[kind].format(**{key: _number(value) for key, value in context.items()})
        words = words_for(name)
        return f"{bound} {words}" if words else bound
    if kind == "literal_error":
        known = [part.strip(" '") for part in str(context["expected"]).replace(" or ", ",").split(",")]
        near = did_you_mean(str(detail["input"]), known)
        return str(context["expected"]) + (f" (did you mean '{near}'?)" if near else "")
    if kind in _NOUNS:
        words, noun = words_for(name), _NOUNS[kind]
        if kind == "model_type" and words:  # a quantity that may be a distribution
            return f"a number of {words} or {noun}"
        return f"{noun} of {words}" if words and "number" in noun else noun
    if kind == "too_short":
        return f"at least {context['min_length']} entries"
    if kind == "too_long":
        return f"at most {context['max_length']} entries"
    if kind in ("string_too_short", "string_too_long"):
        return detail["msg"].replace("String should have ", "text of ")
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"a consistent value: {message}" if kind in ("value_error", "assertion_error") else message


def _walk(location: tuple[int | str, ...], data: Any, schema: type[BaseModel]) -> tuple[Path, list[str]]:
    """Path in the file of pydantic's `location` (it also names union members), and the fields known beside its end."""
    path: list[str | int] = []
    annotation: Any = schema
    fields: list[str] = []
    for index, step in enumerate(location):
        model = _model(annotation, step)
        if _is_member(annotation, step):
            annotation = model
            continue
        present = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int) and step < len(data)
        )
        last = index == len(location) - 1
        if model is not None and (present or last) and isinstance(data, dict):
            fields = [field.alias or name for name, field in model.model_fields.items()]
        if present:
            data = data[step]
            annotation = _below(annotation, model, step)
            path.append(step)
        elif last and isinstance(data, dict):
            path.append(step)
    return tuple(path), fields


def _below(annotation: Any, model: type[BaseModel] | None, step: str | int) -> Any:
    if model is not None and step in model.model_fields:
        return model.model_fields[str(step)].annotation
    inner = [part for member in _members(annotation) for part in get_args(member) if part is not Ellipsis]
    return inner[-1] if inner else Any


def _members(annotation: Any) -> Iterator[Any]:
    """The alternatives of an annotation: Annotated and unions opened."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _members(part)
    else:
        yield annotation


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [part for part in _members(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]


def _model(annotation: Any, step: str | int) -> type[BaseModel] | None:
    """The model that `step` is looked up in: the only one, or the union member that `step` names or has as a field."""
    models = _models(annotation)
    if len(models) == 1:
        return models[0]
    named = [model for model in models if _has_tag(model, step)]
    holding = [model for model in models if step in model.model_fields]
    return next(iter(named + holding), None)


def _is_member(annotation: Any, step: str | int) -> bool:
    models = _models(annotation)
    return len(models) > 1 and any(_has_tag(model, step) for model in models)


def _has_tag(model: type[BaseModel], step: str | int) -> bool:
    if model.__name__ == step:
        return True
    return any(
        step in get_args(field.annotation)
        for field in model.model_fields.values()
        if get_origin(field.annotation) is Literal
    )


def _name(path: Path) -> str:
    """The nearest field name that carries a unit; a list's or a distribution's numbers count what its field says."""
    names = [step for step in reversed(path) if isinstance(step, str)]
    return next((name for name in names if suffix_of(name)), names[0] if names else "")


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _number(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)
