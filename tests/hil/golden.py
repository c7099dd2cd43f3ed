"""Writes golden_frames.txt anew: one frame of every message, as pymavlink's generated code encodes it.

Lines are: message name, fields as JSON in declaration order of the generated class, frame in hex; tabs between. Both the
firmware's and the host's tests read it. Usage: `python tests/hil/golden.py ORACLE.py` with the output of mavgen.
"""

from __future__ import annotations

import importlib.util
import json
import struct
import sys
from pathlib import Path

DOWN = {"SETPOINT", "ACTUATION", "HOST_ALIVE", "ESTOP", "COMMAND", "TIMESYNC", "PARAM_REQUEST", "PARAM_SET"}
TYPES = {"float": "f", "double": "d", "char": "c"}


def _value(kind: str, length: int, salt: int) -> object:
    """A value that tells every byte and slot apart, and fits its type."""
    if kind == "char":
        return "abcdefghijklmnopqrstuvwxyz"[salt % 9 :][: max(1, min(length, 8))]
    if kind in ("float", "double"):
        numbers: list[object] = [
            struct.unpack("<f", struct.pack("<f", 0.5 + salt * 1.25 + i * 0.0625))[0] for i in range(max(length, 1))
        ]
    else:
        bits = {"uint8_t": 8, "int8_t": 7, "uint16_t": 16, "int16_t": 15, "uint32_t": 32, "uint64_t": 60}[kind]
        numbers = [(0x0123456789ABCDEF * (salt + 1) + 37 * i) % 2**bits for i in range(max(length, 1))]
    return numbers if length else numbers[0]


def main() -> None:
    spec = importlib.util.spec_from_file_location("oracle", sys.argv[1])
    assert spec is not None
    assert spec.loader is not None
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    lines = ["# Golden frames of the dialect, written by golden.py from pymavlink's code: name, fields, frame."]
    for count, (_, cls) in enumerate(sorted(oracle.mavlink_map.items())):
        name = cls.msgname
        fields = {}
        for salt, field in enumerate(cls.fieldnames):
            index = cls.ordered_fieldnames.index(field)
            fields[field] = _value(cls.fieldtypes[cls.fieldnames.index(field)], cls.array_lengths[index], salt + count)
        if name == "HEARTBEAT":
            fields["mavlink_version"] = 3
        codec = oracle.MAVLink(None, srcSystem=255 if name in DOWN else 1, srcComponent=190 if name in DOWN else 1)
        codec.seq = 7 * count % 256
        arguments = [v.encode() if isinstance(v, str) else v for v in fields.values()]
        frame = getattr(oracle, f"MAVLink_{name.lower()}_message")(*arguments).pack(codec)
        lines.append("\t".join((name, json.dumps(fields), frame.hex())))
    Path(__file__).with_name("golden_frames.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
