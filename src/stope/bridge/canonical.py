"""The dialect's hash: what host and firmware compare in the handshake, so that both were built from the same wire.

`python -m stope.bridge.canonical DIALECT.xml` prints it as a C literal, for the firmware's build.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path
from xml.etree import ElementTree


def canonical_text(dialect: Path) -> str:
    """The dialect without comments, descriptions and ranges: what changes the meaning of bytes, and nothing else."""
    root = ElementTree.parse(dialect).getroot()
    lines: list[str] = []
    for message in sorted(root.iter("message"), key=lambda m: int(m.attrib["id"])):
        lines.append(f"{message.attrib['id']} {message.attrib['name']}")
        lines += [f"{f.attrib['type']} {f.attrib['name']} {f.attrib.get('units', '')}" for f in message.iter("field")]
    for enum in sorted(root.iter("enum"), key=lambda e: e.attrib["name"]):
        lines.append(f"ENUM {enum.attrib['name']}")
        entries = [(int(e.attrib["value"]), e.attrib["name"]) for e in enum.iter("entry")]
        lines += [f"{value} {name}" for value, name in sorted(entries)]
    return "".join(f"{line}\n" for line in lines)


def dialect_hash(dialect: Path) -> int:
    """CRC-32 of the canonical text."""
    return zlib.crc32(canonical_text(dialect).encode())


if __name__ == "__main__":
    sys.stdout.write(f"0x{dialect_hash(Path(sys.argv[1])):08x}u\n")
