"""Small hostile logs, made here so that each says what is wrong with it: seeds of the fuzzer and, with what it found,
files that the tests replay on every reader.

Run: python hostile_corpus.py FOLDER writes them as files.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import zstandard
from google.protobuf import descriptor_pb2

from stope.tasklog.records import MAGIC

GOLDEN = Path(__file__).parent / "golden"
TEXT = struct.Struct("<I")
MIB = 1 << 20


def record(opcode: int, content: bytes) -> bytes:
    """One MCAP record."""
    return struct.pack("<BQ", opcode, len(content)) + content


def text(value: str) -> bytes:
    """A text with its length in front."""
    return TEXT.pack(len(value.encode())) + value.encode()


def chunk(compression: str, packed: bytes, size: int, crc: int = 0) -> bytes:
    """A chunk that says that it unpacks to `size`."""
    head = struct.pack("<QQQI", 0, 0, size, crc)
    return record(0x06, head + text(compression) + struct.pack("<Q", len(packed)) + packed)


def good_chunk(body: bytes) -> bytes:
    """A zstd chunk whose checksum is right."""
    return chunk("zstd", zstandard.compress(body), len(body), zlib.crc32(body))


def schema_and_channel(name: str, definition: bytes, topic: str = "/x") -> bytes:
    """Schema 1 and channel 1."""
    schema = struct.pack("<H", 1) + text(name) + text("protobuf") + TEXT.pack(len(definition)) + definition
    return record(0x03, schema) + record(0x04, struct.pack("<HH", 1, 1) + text(topic) + text("protobuf") + TEXT.pack(0))


def message(data: bytes, log_time_ns: int = 0) -> bytes:
    """A message on channel 1."""
    return record(0x05, struct.pack("<HIQQ", 1, 1, log_time_ns, log_time_ns) + data)


def recursive_schema() -> bytes:
    """A message that holds itself, twice over."""
    files = descriptor_pb2.FileDescriptorSet()
    file = files.file.add(name="a.proto", package="p", syntax="proto3")
    node = file.message_type.add(name="Node")
    for number, name in ((1, "left"), (2, "right")):
        node.field.add(name=name, number=number, label=1, type=11, type_name=".p.Node")
    node.field.add(name="value", number=3, label=1, type=1)
    return files.SerializeToString()


def import_circle() -> bytes:
    """Two files of a schema that import each other."""
    files = descriptor_pb2.FileDescriptorSet()
    for name, other in (("a", "b"), ("b", "a")):
        files.file.add(name=f"{name}.proto", package="p", dependency=[f"{other}.proto"])
    return files.SerializeToString()


def nested(depth: int) -> bytes:
    """A Node in a Node in a Node."""
    inner = b"\x19" + struct.pack("<d", 2.5)
    for _ in range(depth):
        inner = b"\x0a" + _varint(len(inner)) + inner
    return inner


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _golden() -> bytes:
    return (GOLDEN / "v1.mcap").read_bytes()


def _metadata(name: str, pairs: list[tuple[str, str]]) -> bytes:
    inner = b"".join(text(key) + text(value) for key, value in pairs)
    return record(0x0C, text(name) + TEXT.pack(len(inner)) + inner)


_NODE = schema_and_channel("p.Node", recursive_schema())
_RUN = [("format", "stope.log/1"), ("start_utc_ns", "9" * 19), ("seed", "x" * 50)]

#: By name: what each file holds, made when it is asked for. None is larger than 40 kB.
FILES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "half a mark": lambda: MAGIC[:5],
    "mark alone": lambda: MAGIC,
    "mark and zeros": lambda: MAGIC + bytes(200),
    "record of all ones": lambda: MAGIC + struct.pack("<BQ", 6, 2**64 - 1) + bytes(50),
    "says 1.5 GiB": lambda: MAGIC + chunk("zstd", zstandard.compress(bytes(MIB)), 3 << 29),
    "frame of 64 MiB in a chunk of 1": lambda: MAGIC + chunk("zstd", zstandard.compress(bytes(64 * MIB)), MIB),
    "lz4 frame of 4 MiB in a chunk of 1": lambda: MAGIC + chunk("lz4", lz4.frame.compress(bytes(4 * MIB)), MIB),
    "unknown compression": lambda: MAGIC + chunk("zip", b"abc", 3),
    "chunk in a chunk": lambda: MAGIC + good_chunk(good_chunk(_NODE)),
    "message without channel": lambda: MAGIC + good_chunk(message(b"")),
    "channel without schema": lambda: (
        MAGIC + good_chunk(record(0x04, struct.pack("<HH", 1, 9) + text("/x") + text("protobuf") + TEXT.pack(0)))
    ),
    "schema that is none": lambda: MAGIC + good_chunk(schema_and_channel("p.Node", b"\xff\xff") + message(b"")),
    "schema that imports itself": lambda: MAGIC + good_chunk(schema_and_channel("p.A", import_circle()) + message(b"")),
    "message that holds itself": lambda: MAGIC + good_chunk(_NODE + message(nested(60))),
    "message deeper than parsers go": lambda: MAGIC + good_chunk(_NODE + message(nested(400))),
    "message of another kind": lambda: MAGIC + good_chunk(_NODE + message(b"\x0a\x7f")),
    "topic that climbs": lambda: (
        MAGIC + good_chunk(schema_and_channel("p.Node", recursive_schema(), "../../etc/x") + message(b""))
    ),
    "topic of control characters": lambda: (
        MAGIC + good_chunk(schema_and_channel("p.Node", recursive_schema(), "/\x1b[2J\n\x00") + message(b""))
    ),
    "our topic, their message": lambda: (
        MAGIC + good_chunk(schema_and_channel("p.Node", recursive_schema(), "/recorder/stats") + message(nested(2)))
    ),
    "times beyond any calendar": lambda: (
        MAGIC + _metadata("stope.run", _RUN) + good_chunk(_NODE + message(b"", 2**64 - 1))
    ),
    "key that stands twice": lambda: MAGIC + _metadata("stope.run", [("seed", "1"), ("seed", "2")]),
    "header of nonsense": lambda: MAGIC + _metadata("stope.run", _RUN) + good_chunk(_NODE + message(b"")),
    "part of nothing": lambda: MAGIC + _metadata("stope.part", [("number", "-1"), ("previous_sha256", "x")]),
    "salts of nonsense": lambda: MAGIC + _metadata("stope.salts", [("/x", "zz"), ("", "")]) + good_chunk(_NODE),
    "text that is not UTF-8": lambda: MAGIC + record(0x01, TEXT.pack(2) + b"\xff\xfe" + text("")),
    "attachment longer than itself": lambda: (
        MAGIC + record(0x09, bytes(16) + text("a") + text("b") + struct.pack("<Q", 2**63) + bytes(4))
    ),
    "attachment that climbs": lambda: (
        MAGIC + record(0x09, bytes(16) + text("../../x.json") + text("application/json") + bytes(8) + bytes(4))
    ),
    "golden, cut in a chunk": lambda: _golden()[:9000],
    "golden, tail of zeros": lambda: _golden()[:20000] + bytes(4096),
    "golden, bit flipped": lambda: _golden()[:15000] + bytes([_golden()[15000] ^ 4]) + _golden()[15001:],
    "golden, something after it": lambda: _golden() + b"more",
    "golden, twice": lambda: _golden()[:-8] + _golden()[8:9000],
}


def main() -> None:
    """Write the files, for a fuzzer to begin with."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in FILES.items():
        (folder / f"{name.replace(' ', '_').replace(',', '')}.mcap").write_bytes(make())


if __name__ == "__main__":
    main()
