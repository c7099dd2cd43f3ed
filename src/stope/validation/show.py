"""The table for people (terminal, HTML) and for programs (JSON)."""

from __future__ import annotations

import html
import json
import textwrap
from collections.abc import Sequence

from stope.validation.case import CheckResult, Result

_WORDS = {"pass": "pass", "miss": "MISS", "skip": "skip"}
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .6rem; vertical-align: top }
tr { border-top: 1px solid #ddd } td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.pass { color: #176b2c } .miss { color: #b3261e; font-weight: 600 } .skip { color: #6b6b6b } .note { color: #555 }
"""


def counts(results: Sequence[Result]) -> dict[str, int]:
    """How many cases pass, miss and were skipped."""
    return {verdict: sum(result.verdict == verdict for result in results) for verdict in _WORDS}


def summary(results: Sequence[Result]) -> str:
    """One line; it names the misses, and the ones that nothing explains."""
    found = counts(results)
    line = f"{len(results)} cases: {found['pass']} pass, {found['miss']} miss, {found['skip']} skipped"
    missed = [result.id for result in results if result.verdict == "miss"]
    unexplained = [result.id for result in results if not result.explained]
    line += f"; missed: {', '.join(missed)}" if missed else ""
    return line + (f"; without explanation: {', '.join(unexplained)}" if unexplained else "")


def to_text(results: Sequence[Result], width: int = 118) -> str:
    """A line a case, a line a check below it, the note where there is something to say."""
    lines = []
    for result in results:
        lines.append(f"{result.id}  {_WORDS[result.verdict]}  {result.what}")
        lines += [f"       {_check_line(check)}" for check in result.checks]
        lines.append(f"       source: {result.source} [{result.confidence}]")
        if result.note:
            lines += textwrap.wrap(result.note, width, initial_indent="       ", subsequent_indent="       ")
    return "\n".join([*lines, "", summary(results)])


def _check_line(check: CheckResult) -> str:
    published = "true" if check.published is None else f"{_number(check.published)} {_unit(check)}".strip()
    ours = "-" if check.ours is None else _ours(check)
    return f"{_WORDS[check.verdict]:<4}  {check.name}: {published} ({check.tolerance}); ours {ours}"


def _ours(check: CheckResult) -> str:
    if check.published is None:
        return "true" if check.ours == 1.0 else "false"
    assert check.ours is not None
    return f"{_number(check.ours)} {_unit(check)}".strip()


def _unit(check: CheckResult) -> str:
    return "" if check.unit == "1" else check.unit


def _number(value: float) -> str:
    return f"{value:.6g}"


def to_json(results: Sequence[Result]) -> str:
    """Counts and every case with its checks."""
    cases = [result.model_dump(mode="json") | {"explained": result.explained} for result in results]
    return json.dumps({"counts": counts(results), "cases": cases}, indent=2, ensure_ascii=False)


def to_markdown(results: Sequence[Result]) -> str:
    """A section a case, for the documentation."""
    rows = [f"| [{r.id}](#{r.id.lower()}) | {_WORDS[r.verdict]} | {_cell(r.what)} |" for r in results]
    parts = ["| case | verdict | what |\n|---|---|---|", "\n".join(rows)]
    text = "\n".join(parts) + "\n"
    for result in results:
        text += f"\n## {result.id}\n\n{_WORDS[result.verdict]}: {_cell(result.what)}.\n\n"
        text += "| number | published | tolerance | ours | verdict |\n|---|---|---|---|---|\n"
        for check in result.checks:
            published = "true" if check.published is None else f"{_number(check.published)} {_unit(check)}"
            cells = (check.name, published, check.tolerance, "" if check.ours is None else _ours(check))
            text += "| " + " | ".join(_cell(cell) for cell in cells) + f" | {_WORDS[check.verdict]} |\n"
        text += f"\nSource: {_cell(result.source)} [{_cell(result.confidence)}].\n"
        text += f"\n{_cell(result.note)}\n" if result.note else ""
    return text


def _cell(text: str) -> str:
    return html.escape(text.strip(), quote=False).replace("|", "\\|")


def to_html(results: Sequence[Result]) -> str:
    """One page that needs nothing else."""
    rows = "".join(_html_rows(result) for result in results)
    columns = ("case", "what", "published", "tolerance", "ours", "verdict", "source")
    head = "".join(f"<th>{name}</th>" for name in columns)
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Stope: validation</title>"
        f"<style>{_STYLE}</style><h1>Validation</h1><p>{html.escape(summary(results))}.</p>"
        "<p>V: read in the source; V2: in a secondary text; A: analytic; S: measured in a trial; M: from memory.</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></html>\n"
    )


def _html_rows(result: Result) -> str:
    span = len(result.checks)
    note = f"<div class='note'>{html.escape(result.note)}</div>" if result.note else ""
    first = f"<td rowspan='{span}'><b>{result.id}</b></td><td rowspan='{span}'>{html.escape(result.what)}{note}</td>"
    last = f"<td rowspan='{span}'>{html.escape(result.source)} [{html.escape(result.confidence)}]</td>"
    rows = []
    for number, check in enumerate(result.checks):
        published = "true" if check.published is None else f"{_number(check.published)} {_unit(check)}"
        ours = "" if check.ours is None else _ours(check)
        cells = (
            f"<td class='n'>{html.escape(check.name)}: {html.escape(published)}</td><td>"
            f"{html.escape(check.tolerance)}</td>"
            f"<td class='n'>{html.escape(ours)}</td><td class='{check.verdict}'>{_WORDS[check.verdict]}</td>"
        )
        rows.append(f"<tr>{first if number == 0 else ''}{cells}{last if number == 0 else ''}</tr>")
    return "".join(rows)
