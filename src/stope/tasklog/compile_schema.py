"""`python -m stope.tasklog.compile_schema`: protos -> descriptor set, lock table and the reference page.

A development tool: it needs grpcio-tools (extra `test`), which brings protoc. Everything that it writes is committed,
so users never run it; a test runs it and compares.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

from google.protobuf import descriptor_pb2

from stope.tasklog import messages

SCHEMA_ROOT = Path(__file__).parent / "schema"
Rows = dict[str, dict[str, str | int]]
LOCK = SCHEMA_ROOT / "lock.json"


def compile_protos(*, comments: bool = False) -> bytes:
    """The serialised FileDescriptorSet of every proto under `schema/`, imports included.

    Raises:
        RuntimeError: protoc refused a file; it has printed why.
    """
    protos = sorted(p.relative_to(SCHEMA_ROOT).as_posix() for p in SCHEMA_ROOT.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "set.binpb"
        # In a process of its own: its protobuf and another library's (OR-tools') end a process that has loaded both.
        arguments = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{SCHEMA_ROOT}",
            f"-I{resources.files('grpc_tools') / '_proto'}",
            "--include_imports",
        ]
        if comments:
            arguments.append("--include_source_info")
        if subprocess.run([*arguments, f"--descriptor_set_out={out}", *protos], check=False).returncode != 0:
            raise RuntimeError("protoc refused the schema")
        return out.read_bytes()


def lock_table() -> dict[str, Rows]:
    """Message -> field -> number, type, label, unit and axis, from the committed descriptor set."""
    table: dict[str, Rows] = {}
    for name, file in sorted(messages.own_files().items()):
        rows: Rows = {
            item.name: {
                "number": item.number,
                "type": item.type_name or descriptor_pb2.FieldDescriptorProto.Type.Name(item.type),
                "repeated": int(item.label == descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED),
                "unit": messages.field_units(name).get(item.name, ""),
                "axis": messages.field_axes(name).get(item.name, ""),
            }
            for item in file.message_type[0].field
        }
        enums: Rows = {
            f"{enum.name}.{value.name}": {"number": value.number}
            for enum in file.message_type[0].enum_type
            for value in enum.value
        }
        table[name] = {**rows, **enums}
    return table


def broken_promises(locked: dict[str, Rows]) -> list[str]:
    """What `lock_table()` changes or removes of `locked`; a table that only grew gives an empty list."""
    now = lock_table()
    broken = []
    for message, rows in locked.items():
        for field, row in rows.items():
            found = now.get(message, {}).get(field)
            if found != row:
                broken.append(f"{message}.{field} was {row}, is {found}")
    return broken


def main() -> None:
    """Write the descriptor set and the lock table, and the reference page where asked."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--docs", type=Path, help="also write the message reference (Markdown) to this file")
    arguments = parser.parse_args()
    messages.DESCRIPTOR_SET.write_bytes(compile_protos())
    broken = broken_promises(json.loads(LOCK.read_text())) if LOCK.exists() else []
    if broken:
        raise SystemExit("the schema may only grow: " + "; ".join(broken))
    LOCK.write_text(json.dumps(lock_table(), indent=1) + "\n")
    if arguments.docs:
        from stope.tasklog.schema_page import reference_page

        arguments.docs.write_text(reference_page(compile_protos(comments=True)))


if __name__ == "__main__":
    main()
