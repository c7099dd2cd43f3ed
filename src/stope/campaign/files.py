"""What a campaign leaves: a Parquet table with a row a seed, a figure, JUnit XML for CI, and the summary as JSON."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stope import __version__
from stope.campaign.figure import figure
from stope.campaign.job import MEASURED, Row
from stope.campaign.verdict import judge, summary
from stope.mission.scenario import Scenario


def write_all(scenario: Scenario, rows: Sequence[Row], out: Path) -> dict[str, Any]:
    """Write every file below `out`, rows in the order of their seeds; the summary, with the files' names."""
    rows = sorted(rows, key=lambda row: row.seed)
    told = summary(scenario, rows)
    write_parquet(scenario, rows, out / "results.parquet")
    (out / "spread.svg").write_text(figure(scenario, rows), encoding="utf-8")
    (out / "junit.xml").write_bytes(junit(scenario, rows))
    (out / "summary.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return told | {"out": str(out)}


def write_parquet(scenario: Scenario, rows: Sequence[Row], file: Path) -> None:
    """One row a seed: measured quantities under their names, `vary.FIELD` as drawn, `truth.NAME` of the ground.

    The file's metadata hold the scenario and the version under `stope.scenario` and `stope.version`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    drawn = sorted({name for row in rows for name in row.drawn})
    truth = sorted({name for row in rows for name in row.truth})
    columns: dict[str, Any] = {
        "seed": pa.array([row.seed for row in rows], pa.int64()),
        "verdict": pa.array([row.verdict for row in rows], pa.string()),
        "reason": pa.array([row.reason for row in rows], pa.string()),
        "host_s": pa.array([row.host_s for row in rows], pa.float64()),
    }
    columns |= {name: pa.array([row.measured.get(name) for row in rows], pa.float64()) for name in MEASURED}
    columns |= {f"vary.{name}": pa.array([row.drawn.get(name) for row in rows], pa.float64()) for name in drawn}
    columns |= {f"truth.{name}": pa.array([row.truth.get(name) for row in rows], pa.float64()) for name in truth}
    columns["payload_digest"] = pa.array([row.payload_digest for row in rows], pa.string())
    table = pa.table(columns).replace_schema_metadata(
        {"stope.scenario": scenario.model_dump_json(), "stope.version": __version__}
    )
    pq.write_table(table, file)


def junit(scenario: Scenario, rows: Sequence[Row]) -> bytes:
    """JUnit XML: the acceptance limits decide; seeds are listed, broken ones as errors, others that failed as skipped.

    A seed that failed is no failure of the campaign: how many may fail is what the limits say.
    """
    root = ET.Element("testsuites", name=scenario.name)
    limits = [judge(limit, rows) for limit in scenario.acceptance]
    failed = sum(not each.holds for each in limits)
    suite = ET.SubElement(
        root, "testsuite", name=f"{scenario.name}.acceptance", tests=str(len(limits)), failures=str(failed), errors="0"
    )
    for each in limits:
        case = ET.SubElement(suite, "testcase", classname=f"{scenario.name}.acceptance", name=str(each.limit))
        if not each.holds:
            ET.SubElement(case, "failure", message=f"{each.limit}: found {each.value}")
    broken = sum(row.broken for row in rows)
    skipped = sum(row.verdict in ("FAILED", "LOST") for row in rows)
    suite = ET.SubElement(
        root, "testsuite", name=f"{scenario.name}.seeds", tests=str(len(rows)), failures="0", errors=str(broken),
        skipped=str(skipped), time=f"{sum(row.host_s for row in rows):.3f}",
    )  # fmt: skip
    for row in rows:
        case = ET.SubElement(
            suite, "testcase", classname=f"{scenario.name}.seeds", name=f"seed {row.seed}", time=f"{row.host_s:.3f}"
        )
        if row.broken:
            ET.SubElement(case, "error", message=_printable(row.reason))
        elif row.verdict in ("FAILED", "LOST"):
            ET.SubElement(case, "skipped", message=_printable(f"{row.verdict}: {row.reason}"))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _printable(text: str) -> str:
    """XML has no place for control characters."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
