"""The host's codec against pymavlink's generated code, message by message and byte by byte."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stope.bridge.codec import DEVICE_SYSTEM, Codec, Frame
from stope.bridge.dialect import Dialect, DialectError, Field, Message, dialect_file, load_dialect
from stope.bridge.fieldcheck import Value
from stope.robot.messages import CommandRefusedError

DIALECT = load_dialect()
NAMES = sorted(DIALECT.messages)


def of_field(field: Field) -> st.SearchStrategy[Any]:
    """Any value that the field may carry."""
    if field.is_text:
        letters = st.characters(min_codepoint=1, max_codepoint=126)
        return st.text(letters, max_size=field.length)
    if field.is_real:
        width = 32 if field.type == "float" else 64
        free = st.floats(allow_nan=False, allow_infinity=False, width=width)
        most = 3.0e38 if width == 32 else 1.0e308
        bounded = st.floats(max(field.low, -most), min(field.high, most))
        one: st.SearchStrategy[Any] = st.one_of(
            st.just(max(field.low, min(0.0, field.high))),
            free if math.isinf(field.low) and math.isinf(field.high) else bounded,
        )
    else:
        bits = 8 * field.size
        signed = not field.type.startswith("u")
        least = max(-(1 << bits - 1) if signed else 0, -math.inf if math.isinf(field.low) else int(field.low))
        top = min((1 << (bits - 1 if signed else bits)) - 1, math.inf if math.isinf(field.high) else int(field.high))
        one = st.one_of(st.just(max(least, 0)), st.integers(int(least), int(top)))
    return st.lists(one, min_size=field.length, max_size=field.length).map(tuple) if field.length else one


def of_message(message: Message) -> st.SearchStrategy[dict[str, Value]]:
    return st.fixed_dictionaries({field.name: of_field(field) for field in message.fields if field.const is None})


def packed_by_oracle(oracle: ModuleType, message: Message, fields: dict[str, Any], link_seq: int) -> bytes:
    """The frame that pymavlink makes of the same values."""
    link = oracle.MAVLink(None, srcSystem=255, srcComponent=190)
    link.seq = link_seq
    kind = oracle.mavlink_map[message.id]
    values = [fields[f.name] if f.const is None else f.const for f in message.fields]
    arguments = [
        value.encode() if isinstance(value, str) else list(value) if isinstance(value, tuple) else value
        for value in values
    ]
    return bytes(kind(*arguments).pack(link))


@pytest.mark.parametrize("name", NAMES)
def test_layout_is_pymavlinks(oracle: ModuleType, codec: Codec, name: str) -> None:
    kind = codec.types[name]
    theirs = oracle.mavlink_map[kind.id]
    assert kind.crc_extra[0] == theirs.crc_extra
    assert kind.size == theirs.unpacker.size
    assert [field.name for field in kind.message.wire] == list(theirs.ordered_fieldnames)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_bytes_are_pymavlinks_and_come_back(oracle: ModuleType, codec: Codec, name: str, data: st.DataObject) -> None:
    message = codec.types[name].message
    fields = data.draw(of_message(message))
    link_seq = data.draw(st.integers(0, 255))
    ours = codec.encode(name, fields, link_seq)
    assert ours == packed_by_oracle(oracle, message, fields, link_seq)
    # and pymavlink's parser and our decoder read the same out of it
    theirs = oracle.MAVLink(None).parse_buffer(ours)[0]
    back = codec.decode(Frame(message.id, ours[4], ours[5], ours[6], ours[10:-2]))
    assert back.link_seq == link_seq
    for field in message.fields:
        their_value, our_value = getattr(theirs, field.name), back.fields[field.name]
        assert (tuple(their_value) if field.length and not field.is_text else their_value) == our_value


def test_a_number_that_float32_cannot_hold_is_refused(codec: Codec) -> None:
    with pytest.raises(CommandRefusedError, match="COMMAND"):
        codec.encode("COMMAND", command(param=(1e39, 0.0, 0.0, 0.0)), 0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_finite_never_leaves(codec: Codec, dialect: Dialect, name: str, bad: float) -> None:
    message = dialect.messages[name]
    good: dict[str, Value] = {
        f.name: ("" if f.is_text else (_zero(f),) * f.length if f.length else _zero(f))
        for f in message.fields
        if f.const is None
    }
    codec.encode(name, good, 0)
    for field in message.fields:
        if field.is_real:
            spoilt = (bad, *(0.0,) * (field.length - 1)) if field.length else bad
            with pytest.raises(CommandRefusedError, match=field.name):
                codec.encode(name, good | {field.name: spoilt}, 0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"param": (0.0,) * 3}, "expected 4 numbers"),
        ({"param": 1.0}, "expected 4 numbers"),
        ({"command": "ARM"}, "expected a number"),
        ({"seq": -1}, "does not fit|expected a finite"),
        ({"seq": 1 << 32}, "does not fit|expected a finite"),
        ({"colour": 1}, "no field colour"),
    ],
)
def test_a_wrong_value_is_refused_by_name(codec: Codec, change: dict[str, Any], told: str) -> None:
    with pytest.raises(CommandRefusedError, match=told):
        codec.encode("COMMAND", command() | change, 0)


def test_a_missing_field_is_refused_by_name(codec: Codec) -> None:
    with pytest.raises(CommandRefusedError, match="field session is missing"):
        codec.encode("COMMAND", {k: v for k, v in command().items() if k != "session"}, 0)


def test_text_longer_than_its_field_is_refused(codec: Codec) -> None:
    fields = {f.name: 0 for f in codec.types["PARAM_REQUEST"].message.fields} | {"name": "x" * 17}
    with pytest.raises(CommandRefusedError, match="name"):
        codec.encode("PARAM_REQUEST", fields, 0)


def test_the_host_is_system_255_and_the_device_1(codec: Codec) -> None:
    frame = codec.encode("COMMAND", command(), 7)
    assert (frame[0], frame[4], frame[5]) == (0xFD, 7, 255)
    assert DEVICE_SYSTEM == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<mavlink><include>minimal.xml</include></mavlink>", "includes another file"),
        ("<mavlink>", "expected a MAVLink dialect"),
        (
            "<mavlink><messages><message id='1' name='A'><field type='quad' name='x'/></message></messages></mavlink>",
            "unknown type 'quad'",
        ),
        ("<mavlink><messages><message id='1' name='A'/></messages></mavlink>", "carries 1 to 255"),
        (
            "<mavlink><messages><message id='1' name='A'>"
            "<field type='float[64]' name='x'/></message></messages></mavlink>",
            "256 bytes",
        ),
    ],
)
def test_a_bad_dialect_ends_with_a_sentence(tmp_path: Any, text: str, told: str) -> None:
    path = tmp_path / "bad.xml"
    path.write_text(text)
    with pytest.raises(DialectError, match=told):
        load_dialect(path)


def test_no_dialect_is_told_too(tmp_path: Any) -> None:
    with pytest.raises(DialectError, match="nowhere"):
        load_dialect(tmp_path / "nowhere.xml")


def test_the_shipped_dialect_is_found() -> None:
    assert dialect_file().name == "stope.xml"


def command(**change: Any) -> dict[str, Any]:
    return {"seq": 1, "session": 2, "param": (0.0,) * 4, "command": 1, "target_component": 1} | change


def _zero(field: Field) -> Any:
    nearest = max(field.low, min(0.0, field.high))
    return nearest if field.is_real else int(nearest)
