"""`stope log diff`: the same mission twice is the same; what differs is named, in the row where it differs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from sample_log import START_NS, sample_header
from typer.testing import CliRunner

from stope.cli import app
from stope.tasklog import TaskLogWriter, new
from stope.tasklog.diff import TOLERANCES, Row, compare, summarise
from stope.tasklog.diff_figure import figure


def mission(
    path: Path,
    *,
    drill_s: float = 10.0,
    depth_m: float = 0.04,
    weight_n: float = 40.0,
    bin_ug: int = 5_000_000,
    ending: str = "PHASE_SUCCEEDED",
    extra_task: bool = False,
) -> Path:
    """A log of one drilling that starts a second into the run."""
    with TaskLogWriter(path, sample_header(), start_utc_ns=START_NS) as log:

        def write(topic: str, time_s: float, **fields: object) -> None:
            log.write(topic, new(topic, **fields), round(time_s * 1e6))

        write("/task/event", 1.0, task="drill", activity=0, phase="PHASE_STARTED")
        for k in range(50):
            time_s = 1.0 + drill_s * k / 49.0
            write("/robot/observation", time_s, weight_on_bit_n=weight_n, energy_used_j=1000.0 + 2.0 * k)
            write("/task/progress", time_s, task="drill", depth_m=depth_m * k / 49.0)
        write("/task/event", 1.0 + drill_s, task="drill", activity=0, phase=ending)
        if extra_task:
            write("/task/event", 2.0 + drill_s, task="release", activity=1, phase="PHASE_SKIPPED")
        write("/mass/balance", 1.0 + drill_s, account=["bin", "ground"], material=["rock", "rock"],
              amount_ug=[bin_ug, -bin_ug])  # fmt: skip
    return path


def differing(a: Path, b: Path) -> dict[str, Row]:
    return {row.what: row for row in compare(summarise(a), summarise(b)) if not row.same}


def test_a_log_is_the_same_as_itself(tmp_path: Path) -> None:
    log = summarise(mission(tmp_path / "a.mcap"))
    rows = compare(log, log)
    assert all(row.same for row in rows)
    assert {
        "drill: outcome",
        "drill: duration",
        "hole depth",
        "largest weight-on-bit",
        "energy",
        "mass, bin: rock",
    } <= {row.what for row in rows}
    assert log.figures["hole depth"][2] == pytest.approx(0.04)
    assert log.tasks == [("drill", "succeeded", pytest.approx(10.0))]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"drill_s": 13.0}, "drill: duration"),
        ({"depth_m": 0.0415}, "hole depth"),
        ({"weight_n": 45.0}, "largest weight-on-bit"),
        ({"bin_ug": 8_000_000}, "mass, bin: rock"),
        ({"ending": "PHASE_FAILED"}, "drill: outcome"),
        ({"extra_task": True}, "release: outcome"),
    ],
)
def test_what_differs_is_named(tmp_path: Path, changed: dict[str, object], what: str) -> None:
    found = differing(mission(tmp_path / "a.mcap"), mission(tmp_path / "b.mcap", **changed))
    assert what in found


def test_within_the_tolerances_nothing_differs(tmp_path: Path) -> None:
    near = mission(tmp_path / "b.mcap", drill_s=11.9, depth_m=0.0409, weight_n=40.9, bin_ug=5_001_000)
    assert differing(mission(tmp_path / "a.mcap"), near) == {}


def test_a_figure_that_only_one_log_has_is_a_difference(tmp_path: Path) -> None:
    a, b = summarise(mission(tmp_path / "a.mcap")), summarise(mission(tmp_path / "b.mcap"))
    del b.figures["energy"]
    row = next(row for row in compare(a, b) if row.what == "energy")
    assert (row.b, row.same) == (None, False)


def test_tolerances_are_positive_and_nan_is_never_the_same() -> None:
    for tolerance in TOLERANCES.values():
        assert tolerance.share > 0.0
        assert tolerance.absolute > 0.0
        assert not tolerance.holds(float("nan"), 1.0)


def test_the_figure_is_xml_with_both_curves(tmp_path: Path) -> None:
    folder = tmp_path / "a<b"
    folder.mkdir()
    drawn = ET.fromstring(figure(summarise(mission(folder / "a.mcap")), summarise(mission(tmp_path / "b.mcap"))))
    curves = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(curves) == 4
    assert any("a<b/a.mcap" in (text.text or "") for text in drawn.iter("{http://www.w3.org/2000/svg}text"))


def test_a_third_log_is_drawn_thinner_than_the_two_below_it(tmp_path: Path) -> None:
    logs = [summarise(mission(tmp_path / name)) for name in ("a.mcap", "b.mcap", "c.mcap")]
    drawn = ET.fromstring(figure(*logs))
    widths = [float(curve.attrib["stroke-width"]) for curve in drawn.findall("{http://www.w3.org/2000/svg}polyline")]
    assert len(widths) == 6
    assert widths[:3] == sorted(widths[:3], reverse=True)
    assert widths[3:] == widths[:3]
    assert any("C: " in (text.text or "") for text in drawn.iter("{http://www.w3.org/2000/svg}text"))


def test_a_third_log_without_a_figure_is_refused(tmp_path: Path) -> None:
    a, b, c = (str(mission(tmp_path / name)) for name in ("a.mcap", "b.mcap", "c.mcap"))
    assert CliRunner().invoke(app, ["log", "diff", a, b, "--beside", c]).exit_code == 2
    drawn = tmp_path / "three.svg"
    assert CliRunner().invoke(app, ["log", "diff", a, b, "--beside", c, "--figure", str(drawn)]).exit_code == 0
    assert "C: " in drawn.read_text(encoding="utf-8")
