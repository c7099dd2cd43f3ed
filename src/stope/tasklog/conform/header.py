"""Rules about the run header: a stranger must know who ran what, when, and under which licence."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stope.tasklog.conform.finding import Report
from stope.tasklog.errors import TaskLogError
from stope.tasklog.header import FORMAT, MISSION_ATTACHMENT, RECORD, ROBOT_ATTACHMENT, RunHeader, utc_text

_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*(?: (?:AND|OR|WITH) [A-Za-z0-9][A-Za-z0-9.+-]*)*")
_WANTED = ("mission", "robot", "body", "team", "stope_version", "clock_scale", "frames")


def check_header(report: Report, run: Mapping[str, str] | None, attachments: Mapping[str, bytes]) -> RunHeader | None:
    """Check the `stope.run` record and its attachments; the header, where it can be used."""
    if run is None:
        sentence = "there is none; write it before the first message"
        report.error("header.present", RECORD, sentence)
        return None
    form = run.get("format", "")
    if form != FORMAT:
        report.error("header.format", "format", f"read {form!r}, expected {FORMAT!r}")
    _check_start(report, run)
    licence = run.get("licence", "")
    if not _SPDX.fullmatch(licence):
        sentence = f"read {licence!r}, expected an SPDX identifier such as CC-BY-4.0: nobody may use a log without one"
        report.error("header.licence", "licence", sentence)
    for key in _WANTED:
        if not run.get(key):
            report.add("error" if key == "team" else "warning", f"header.{key}", key, "it is empty; say it")
    if not re.fullmatch(r"\d{1,20}", run.get("seed", "")):
        sentence = f"read {run.get('seed', '')!r}, expected a whole number; 0 where there is no seed"
        report.error("header.seed", "seed", sentence)
        return None
    for name in (MISSION_ATTACHMENT, ROBOT_ATTACHMENT):
        if name not in attachments:
            report.error("header.attachment", name, "it is missing; attach it as JSON")
    try:
        header = RunHeader.from_log(run, attachments)
    except TaskLogError as error:
        report.error("header.json", RECORD, str(error))
        return None
    for joint in header.joints:
        if joint.unit not in ("rad", "m") or joint.sign not in (-1, 1):
            sentence = f"read unit {joint.unit!r} and sign {joint.sign}, expected 'rad' or 'm', and 1 or -1"
            report.error("header.joints", f"joint {joint.name}", sentence)
    return header


def _check_start(report: Report, run: Mapping[str, str]) -> None:
    text = run.get("start_utc_ns", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        report.error("header.start", "start_utc_ns", f"read {text!r}, expected ns since 1970 as a whole number")
        return
    try:
        expected = utc_text(int(text))
    except TaskLogError as error:
        report.error("header.start", "start_utc_ns", str(error))
        return
    said = run.get("start_utc", "")
    if said != expected:
        report.error("header.start", "start_utc", f"read {said!r}, expected {expected!r}, as start_utc_ns says")
