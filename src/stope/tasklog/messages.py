"""Message classes, built at run time from the committed descriptor set.

No generated code: generated modules demand the protobuf release that they were generated with, a descriptor set
works with any protobuf from 5.29.6 on and is as fast (research/logs.md, section 4).
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from stope.tasklog.errors import TaskLogError
from stope.tasklog.topics import TOPICS

PACKAGE = "stope.log.v1"
DESCRIPTOR_SET = Path(__file__).parent / "schema" / "stope_log_v1.binpb"
_ANNOTATION_FILES = ("stope/log/v1/unit.proto", "google/protobuf/descriptor.proto")


@cache
def message_class(name: str) -> Any:
    """The class of a message, by topic ("/estimate"), short name ("BaseEstimate") or full name ("foxglove.Log").

    It takes keyword arguments; give it `array.tolist()`, which is four times quicker
    than the array itself, or use `new`, which does that.

    Raises:
        TaskLogError: no such topic or message.
    """
    return _class(full_name(name))


def new(name: str, /, **fields: Any) -> Any:
    """A message with `fields` set; `name` as for `message_class`. Arrays are flattened row by row.

    Raises:
        TaskLogError: no such message.
        ValueError, TypeError: no such field, or a value that does not fit it.
    """
    for field, value in fields.items():
        if value.__class__ is np.ndarray:
            fields[field] = value.ravel().tolist()
    return message_class(name)(**fields)


def full_name(name: str) -> str:
    """The full protobuf name for a topic, a short name or a full name.

    Raises:
        TaskLogError: no such topic, or no such message in this package.
    """
    if name in TOPICS:
        return TOPICS[name].schema
    if name.startswith("foxglove."):
        return name
    short = name.removeprefix(f"{PACKAGE}.")
    if f"{PACKAGE}.{short}" in own_files():
        return f"{PACKAGE}.{short}"
    known = [n.removeprefix(f"{PACKAGE}.") for n in own_files()] + list(TOPICS)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise TaskLogError(f"no message or topic called {name!r} in the log format{hint}")


@cache
def schema_bytes(name: str) -> bytes:
    """The serialised FileDescriptorSet that a log embeds for the message with full name `name`.

    Ours are pruned of units and of the files that define them (0.7 KB in place of 15 KB); units travel as channel
    metadata.
    """
    files = descriptor_pb2.FileDescriptorSet()
    if name in own_files():
        files.file.append(own_files()[name])
    else:
        files.file.extend(_closure(_class(name).DESCRIPTOR.file))
    return files.SerializeToString(deterministic=True)


@cache
def field_units(name: str) -> Mapping[str, str]:
    """UCUM code by field, for one of our messages (full name); empty for others."""
    return MappingProxyType({f: unit for f, (unit, _) in _annotations().get(name, {}).items() if unit})


@cache
def field_axes(name: str) -> Mapping[str, str]:
    """Array layout by field, for one of our messages (full name): "limb,xyz"."""
    return MappingProxyType({f: axis for f, (_, axis) in _annotations().get(name, {}).items() if axis})


@cache
def own_files() -> Mapping[str, descriptor_pb2.FileDescriptorProto]:
    """The pruned file of each of our messages, by the message's full name: one message a file."""
    files = {}
    for file in _descriptor_set().file:
        if file.name in _ANNOTATION_FILES:
            continue
        pruned = descriptor_pb2.FileDescriptorProto()
        pruned.CopyFrom(file)
        del pruned.dependency[:]
        for message in pruned.message_type:
            for item in message.field:
                item.ClearField("options")
        files[f"{file.package}.{file.message_type[0].name}"] = pruned
    return MappingProxyType(files)


@cache
def _descriptor_set() -> descriptor_pb2.FileDescriptorSet:
    return descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTOR_SET.read_bytes())


@cache
def _own_pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in own_files().values():
        pool.Add(file)
    return pool


@cache
def _class(name: str) -> Any:
    if name in own_files():
        return GetMessageClass(_own_pool().FindMessageTypeByName(name))
    short = name.removeprefix("foxglove.")
    try:
        module = importlib.import_module(f"foxglove_schemas_protobuf.{short}_pb2")
    except ModuleNotFoundError:
        raise TaskLogError(f"no message called {name!r} among Foxglove's well-known schemas") from None
    return getattr(module, short)


@cache
def _annotations() -> dict[str, dict[str, tuple[str, str]]]:
    """(unit, axis) by message and field, read from the descriptor set through its own copy of the option types."""
    pool = DescriptorPool()
    for file in _descriptor_set().file:
        pool.Add(file)
    options = GetMessageClass(pool.FindMessageTypeByName("google.protobuf.FieldOptions"))
    unit: Any = pool.FindExtensionByName(f"{PACKAGE}.ucum")
    axis: Any = pool.FindExtensionByName(f"{PACKAGE}.axis")
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for file in _descriptor_set().file:
        if file.name in _ANNOTATION_FILES:
            continue
        message = file.message_type[0]
        rows = found.setdefault(f"{file.package}.{message.name}", {})
        for item in message.field:
            value: Any = options.FromString(item.options.SerializeToString())
            rows[item.name] = (value.Extensions[unit], value.Extensions[axis])
    return found


def _closure(root: FileDescriptor) -> Iterable[descriptor_pb2.FileDescriptorProto]:
    """`root` and everything that it imports, imports first."""
    done: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def visit(file: FileDescriptor) -> None:
        if file.name in done:
            return
        for dependency in file.dependencies:
            visit(dependency)
        proto = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(proto)
        done[file.name] = proto

    visit(root)
    return done.values()


def descriptor(name: str) -> Descriptor:
    """Descriptor of the message with full name `name`."""
    found: Descriptor = _class(name).DESCRIPTOR
    return found
