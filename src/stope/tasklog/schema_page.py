"""The message reference of the documentation, from the protos' own comments."""

from __future__ import annotations

from google.protobuf import descriptor_pb2

from stope.tasklog import messages
from stope.tasklog.topics import TOPICS

_HEAD = """# Topics and messages

Generated from the schema by `python -m stope.tasklog.compile_schema --docs`; do not edit.

Units are UCUM codes. `{joint}` is the joint's own unit (rad or m, see the run header), `{joint}/s` its rate,
`{joint_effort}` N.m or N, `{unit}` the code in the message's own field `unit`. Arrays are laid out row by row along
the axes given.

| topic | schema | in the payload digest | remark |
|---|---|---|---|
"""
_FIELD = descriptor_pb2.FieldDescriptorProto


def reference_page(descriptor_set: bytes) -> str:
    """Markdown of every topic and message; `descriptor_set` must carry source comments."""
    topics = "".join(_topic_row(topic) for topic in TOPICS)
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file
    own = {file.name for file in messages.own_files().values()}
    return _HEAD + topics + "".join(_message_section(file) for file in files if file.name in own)


def _topic_row(topic: str) -> str:
    row = TOPICS[topic]
    remarks = [text for text, on in (("simulation only", row.truth), ("synced at once", row.urgent)) if on]
    return f"| `{topic}` | {row.schema} | {'yes' if row.deterministic else 'no'} | {', '.join(remarks)} |\n"


def _message_section(file: descriptor_pb2.FileDescriptorProto) -> str:
    comments = {tuple(place.path): _one_line(place) for place in file.source_code_info.location}
    message = file.message_type[0]
    name = f"{file.package}.{message.name}"
    lines = [
        f"\n## {message.name}\n",
        comments[4, 0] + "\n",
        "| # | field | type | unit | axes | meaning |",
        "|---|---|---|---|---|---|",
    ]
    for i, item in enumerate(message.field):
        kind = item.type_name.rsplit(".", 1)[-1] or _FIELD.Type.Name(item.type).removeprefix("TYPE_").lower()
        kind += "[]" if item.label == _FIELD.LABEL_REPEATED else ""
        unit, axis = messages.field_units(name).get(item.name, ""), messages.field_axes(name).get(item.name, "")
        unit = f"`{unit}`" if unit else ""
        lines.append(f"| {item.number} | `{item.name}` | {kind} | {unit} | {axis} | {comments.get((4, 0, 2, i), '')} |")
    for i, enum in enumerate(message.enum_type):
        note = comments.get((4, 0, 4, i), "")
        values = (
            f"{value.number} {value.name}" + (f" ({why})" if (why := comments.get((4, 0, 4, i, 2, j), "")) else "")
            for j, value in enumerate(enum.value)
        )
        lines.append(f"\n{enum.name}: {', '.join(values)}. {note}".rstrip())
    return "\n".join(lines) + "\n"


def _one_line(place: descriptor_pb2.SourceCodeInfo.Location) -> str:
    text = place.leading_comments or place.trailing_comments
    return " ".join(text.split()).replace("|", "\\|")
