"""The dialect: what `stope.xml` says of messages, fields, enumerations, units and ranges.

The one source of truth of the wire. The C headers are generated from the same file, so host and firmware cannot
differ without the CRC's seed, the dialect hash, or both telling. MAVLink 2 rules: base fields travel largest type first
(stable), extension fields follow in the order of the file; the CRC's seed is a checksum over name, types and names of
base fields.
"""

from __future__ import annotations

import math
import struct
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType

import fastcrc

import stope

FLOAT32_MAX = 3.4028234663852886e38
MAVLINK_VERSION = 3  #: what the generator puts into fields of type uint8_t_mavlink_version

#: type -> (struct code, size in bytes)
_TYPES = {
    "char": ("s", 1),
    "uint8_t": ("B", 1),
    "int8_t": ("b", 1),
    "uint16_t": ("H", 2),
    "int16_t": ("h", 2),
    "uint32_t": ("I", 4),
    "int32_t": ("i", 4),
    "float": ("f", 4),
    "uint64_t": ("Q", 8),
    "int64_t": ("q", 8),
    "double": ("d", 8),
}


class DialectError(ValueError):
    """The dialect's file is missing or is not a dialect that this reader knows."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message.

    Attributes:
        type: the element's type without "[n]"; length: elements of an array, 0 for a scalar.
        units: as written in the XML; low, high: allowed range, infinite where none is stated.
        const: the value that the generator fills in by itself (HEARTBEAT's protocol version), else None.
    """

    name: str
    type: str
    length: int
    units: str
    enum: str
    low: float
    high: float
    extension: bool
    const: int | None = None

    @property
    def is_text(self) -> bool:
        """Whether the field is a character array."""
        return self.type == "char" and self.length > 0

    @property
    def is_real(self) -> bool:
        """Whether the field holds floating-point numbers."""
        return self.type in ("float", "double")

    @property
    def declared_type(self) -> str:
        """The type as the XML writes it, with its array length."""
        plain = "uint8_t_mavlink_version" if self.const is not None else self.type
        return f"{plain}[{self.length}]" if self.length else plain

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest value: as stated, and never beyond what the type holds."""
        if self.is_real:
            most = sys.float_info.max if self.type == "double" else FLOAT32_MAX
            least = -most
        else:
            signed = not self.type.startswith("u")
            most = (1 << 8 * self.size - signed) - 1
            least = -most - 1 if signed else 0
        return max(self.low, least), min(self.high, most)

    @property
    def code(self) -> str:
        """`struct` code of the field."""
        return (str(self.length) if self.length else "") + _TYPES[self.type][0]

    @property
    def size(self) -> int:
        """Bytes of one element."""
        return _TYPES[self.type][1]


@dataclass(frozen=True)
class Message:
    """One message: its fields as declared, and as they travel."""

    id: int
    name: str
    fields: tuple[Field, ...]

    @cached_property
    def wire(self) -> tuple[Field, ...]:
        """Fields in the order of the wire."""
        base = sorted((f for f in self.fields if not f.extension), key=lambda field: -field.size)
        return (*base, *(f for f in self.fields if f.extension))

    @cached_property
    def format(self) -> struct.Struct:
        """The whole payload, untrimmed."""
        return struct.Struct("<" + "".join(field.code for field in self.wire))

    @cached_property
    def crc_extra(self) -> int:
        """The CRC's seed: two dialects that disagree on this message refuse each other's frames (255 of 256)."""
        text = bytearray(f"{self.name} ".encode())
        for field in self.wire:
            if not field.extension:
                text += f"{field.type} {field.name} ".encode()
                if field.length:
                    text.append(field.length)
        crc = fastcrc.crc16.mcrf4xx(bytes(text))
        return (crc & 0xFF) ^ (crc >> 8)


@dataclass(frozen=True)
class Enum:
    """An enumeration; entry names without the prefix that C needs (FAULT_HOST_TIMEOUT -> HOST_TIMEOUT)."""

    name: str
    entries: Mapping[str, int]
    bitmask: bool
    full_names: tuple[str, ...]

    def name_of(self, value: int) -> str:
        """The entry's name; the number itself for a value from a newer device. Bit masks: names joined by ", "."""
        if self.bitmask:
            names = [name for name, bit in self.entries.items() if bit and value & bit]
            rest = value & ~sum(self.entries.values())
            return ", ".join([*names, *([hex(rest)] if rest else [])])
        return next((name for name, number in self.entries.items() if number == value), str(value))


@dataclass(frozen=True)
class Dialect:
    """All of the file."""

    messages: Mapping[str, Message]
    enums: Mapping[str, Enum]

    @cached_property
    def by_id(self) -> Mapping[int, Message]:
        """Messages by number."""
        return MappingProxyType({message.id: message for message in self.messages.values()})

    def code(self, enum: str, entry: str) -> int:
        """Value of an enumeration's entry.

        Raises:
            KeyError: the dialect has no such enumeration or entry.
        """
        return self.enums[enum].entries[entry]


@cache
def dialect_file() -> Path:
    """`stope.xml`: inside an installed wheel, else beside the `src/` of a checkout.

    Raises:
        DialectError: neither is there.
    """
    package = Path(stope.__file__).resolve().parent
    candidates = (package / "_data" / "dialect", package.parents[1] / "firmware_bridge" / "dialect")
    for folder in candidates:
        if (folder / "stope.xml").is_file():
            return folder / "stope.xml"
    raise DialectError(f"{package}: this installation has no stope.xml; install stope again")


@cache
def load_dialect(path: Path | None = None) -> Dialect:
    """Read a dialect; the shipped one when `path` is None.

    Raises:
        DialectError: no such file, not XML, an include, an unknown type, or a message or field stated twice.
    """
    file = dialect_file() if path is None else path
    try:
        root = ET.parse(file).getroot()
    except (OSError, ET.ParseError) as error:
        raise DialectError(f"{file}: {error}; expected a MAVLink dialect") from error
    if root.find("include") is not None:
        raise DialectError(f"{file}: includes another file, which this reader does not follow; declare all of it here")
    enums = {enum.name: enum for enum in map(_enum, root.iterfind("enums/enum"))}
    messages: dict[str, Message] = {}
    for element in root.iterfind("messages/message"):
        message = _message(file, element)
        if message.name in messages or any(message.id == known.id for known in messages.values()):
            raise DialectError(f"{file}: message {message.name} or its id {message.id} is declared twice")
        messages[message.name] = message
    return Dialect(MappingProxyType(messages), MappingProxyType(enums))


def _message(file: Path, element: ET.Element) -> Message:
    fields: list[Field] = []
    extension = False
    for child in element:
        if child.tag == "extensions":
            extension = True
        elif child.tag == "field":
            fields.append(_field(file, child, extension))
    message = Message(int(element.attrib["id"]), element.attrib["name"], tuple(fields))
    if len({field.name for field in fields}) != len(fields):
        raise DialectError(f"{file}: message {message.name} has two fields of one name")
    if not 1 <= message.format.size <= 255:
        raise DialectError(f"{file}: message {message.name} has {message.format.size} bytes; a frame carries 1 to 255")
    return message


def _field(file: Path, element: ET.Element, extension: bool) -> Field:
    declared = element.attrib["type"]
    const = MAVLINK_VERSION if declared == "uint8_t_mavlink_version" else None
    plain, _, rest = ("uint8_t" if const is not None else declared).partition("[")
    if plain not in _TYPES:
        raise DialectError(f"{file}: field {element.attrib['name']} has the unknown type '{declared}'")
    return Field(
        name=element.attrib["name"],
        type=plain,
        length=int(rest.rstrip("]")) if rest else 0,
        units=element.attrib.get("units", ""),
        enum=element.attrib.get("enum", ""),
        low=float(element.attrib.get("minValue", -math.inf)),
        high=float(element.attrib.get("maxValue", math.inf)),
        extension=extension,
        const=const,
    )


def _enum(element: ET.Element) -> Enum:
    numbered: list[tuple[str, int]] = []
    for entry in element.iterfind("entry"):
        following = numbered[-1][1] + 1 if numbered else 0
        numbered.append((entry.attrib["name"], int(entry.attrib.get("value", str(following)), 0)))
    names = [name for name, _ in numbered]
    cut = _common_prefix(element.attrib["name"], names)
    entries = {name[cut:]: value for name, value in sorted(numbered, key=lambda item: item[1])}
    bitmask = element.attrib.get("bitmask", "false") == "true"
    return Enum(element.attrib["name"], MappingProxyType(entries), bitmask, tuple(names))


def _common_prefix(enum: str, names: list[str]) -> int:
    """Length of the prefix that all entries share, whole words only; the enumeration's own name when there is one."""
    if all(name.startswith(f"{enum}_") for name in names):
        return len(enum) + 1
    words = [name.split("_") for name in names]
    shared = 0
    while len(names) > 1 and all(len(w) > shared + 1 and w[shared] == words[0][shared] for w in words):
        shared += 1
    return sum(len(word) + 1 for word in words[0][:shared]) if words else 0
