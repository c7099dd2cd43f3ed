"""protocol.md is the dialect, whole and up to date."""

from __future__ import annotations

from pathlib import Path

from stope.bridge.canonical import dialect_hash
from stope.bridge.dialect import Dialect, dialect_file
from stope.bridge.protocol_page import protocol_page

PAGE = Path(__file__).parents[2] / "firmware_bridge" / "protocol.md"


def test_the_page_is_up_to_date() -> None:
    expected = protocol_page()
    assert PAGE.read_text(encoding="utf-8") == expected, (
        "run: python -m stope.bridge.protocol_page > firmware_bridge/protocol.md"
    )


def test_every_field_and_entry_is_on_it(dialect: Dialect) -> None:
    sections = dict(part.split("\n", 1) for part in protocol_page().split("\n### ")[1:])
    for message in dialect.messages.values():
        rows = [line for line in sections[message.name].splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == [field.name for field in message.wire]
    for enum in dialect.enums.values():
        rows = [line for line in sections[f"Enum {enum.name}"].splitlines() if "`" in line]
        assert [row.split("`")[1] for row in rows] == list(enum.entries)
    assert f"{dialect_hash(dialect_file()):08x}" in protocol_page()


def test_ranges_units_and_meanings_come_from_the_dialect(tmp_path: Path) -> None:
    file = tmp_path / "small.xml"
    file.write_text(
        '<mavlink><enums/><messages><message id="9" name="TINY"><description>Up. A test.</description>'
        '<field type="uint8_t" name="count" maxValue="7">how  many</field>'
        '<field type="float[2]" name="turn" units="rad" minValue="-1" maxValue="1">angle</field>'
        "</message></messages></mavlink>",
        encoding="utf-8",
    )
    page = protocol_page(file)
    assert "| `turn` | float[2] | rad | -1 to 1 | angle |\n| `count` | uint8_t |  | to 7 | how many |\n" in page
