"""The audit as one HTML page for a programme manager: what was taken, who has what, and what is wrong, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from stope.ledger.audit import Audit
from stope.ledger.entry import SERVICES, Evidence
from stope.ledger.evidence import Trail
from stope.tasklog.seal.subjects import SEGMENT_S

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ccc}td.n,th.n{text-align:right}
.t{overflow-x:auto}td{font-variant-numeric:tabular-nums}
.good{color:#14532d}.bad{color:#7f1d1d}code{font-size:.85em;word-break:break-all}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}.good{color:#86efac}.bad{color:#fca5a5}}
"""


def audit_page(found: Audit) -> str:
    """The page; nothing in it is fetched from elsewhere, and no text of a partner's is taken for markup."""
    agreement = found.agreement
    verdict = (
        '<p class="good">The books hold together, and every promise of the agreement was kept.</p>'
        if not found.findings
        else f'<p class="bad">{len(found.findings)} things need attention:</p><ul>'
        + "".join(map(_finding, found.findings))
        + "</ul>"
    )
    partners = _table(
        ("partner", "country", *(f"{kind} [{unit}]" for kind, unit in SERVICES.items())),
        (
            (
                row.name + (" (developing)" if row.developing else ""),
                row.country,
                *(found.contributions.get(name, {}).get(kind, 0) for kind in SERVICES),
            )
            for name, row in agreement.partners.items()
        ),
    )
    shares = _table(
        ("partner", "commodity", "allocated [kg]", "entitled [kg]", "in stock now [kg]"),
        (
            (
                agreement.partners[s.partner].name if s.partner in agreement.partners else s.partner,
                s.commodity,
                kg(s.allocated_mg),
                kg(s.entitled_mg),
                kg(s.stock_mg),
            )
            for s in found.shares
        ),
    )
    sites = _table(
        ("site", "commodity", "taken [kg]", "limit [kg]", "lost as ejecta [%]"),
        (
            (u.site, u.commodity, kg(u.taken_mg), kg(u.limit_mg) if u.limit_mg is not None else "none",
             f"{100 * u.lost_fraction:.1f}")
            for u in found.sites
        ),
    )  # fmt: skip
    weighings = _table(
        ("entry", "account", "commodity", "weighed [kg]", "in the book [kg]", "verdict"),
        (
            (w.number, w.account, w.commodity, kg(w.measured_mg), kg(w.book_mg),
             "agrees" if w.agrees(agreement.k_sigma) else "DIFFERS")
            for w in found.books.weighings
        ),
    )  # fmt: skip
    balances = _table(
        ("account", "commodity", "amount [kg]", "uncertainty [kg]"),
        (
            (account, commodity, kg(b.amount_mg), kg(math.ceil(b.std_mg)))
            for (account, commodity), b in sorted(found.books.balances.items())
            if not account.startswith(("service:", "opening:")) and b.amount_mg
        ),
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Ledger audit: {escape(agreement.agreement)}</title><style>{_STYLE}</style>"
        f"<h1>Ledger audit: {escape(agreement.agreement)}</h1>{verdict}"
        f"<p>{len(found.journal.lines)} signed entries, each chained to the one before. The last one is "
        f"<code>{found.journal.head or 'none'}</code>: partners who read the same value have the same books.</p>"
        f"<h2>What each partner put in</h2>{partners}"
        "<p>Contributions are each partner's own signed statement; the logs that it cites are below.</p>"
        f"<h2>What each partner got (rule: {escape(agreement.rule)})</h2>{shares}"
        f"<h2>What was taken from each site</h2>{sites}"
        f"<h2>Weighings against the book</h2>{weighings}"
        f"<h2>Where the mass is now</h2>{balances}"
        "<p>A site is negative by what has left it, so that all amounts of a commodity sum to 0.</p>"
        f"<h2>What each entry rests on</h2>{_evidence(found)}"
        "<p>A log is named by the first twelve digits of the SHA-256 of its file as it was sealed "
        "(<code>sha256sum</code>); times are the minutes of it that are cited, UTC. What was measured is worked out "
        "again from the logs that were at hand; where it says <i>not checked</i>, only its signature stands for it."
        "</p></html>\n"
    )


def _evidence(found: Audit) -> str:
    """A row per entry: the logs that it cites, or the entries from which its amounts came."""
    return _table(
        ("entry", "what", "by", "when", "evidence", "held against its logs"),
        (
            (
                trail.entry.number,
                trail.entry.kind,
                trail.entry.organisation,
                _said_at(trail.entry.at),
                evidence_text(trail),
                found.outcomes.get(trail.entry.number, ""),
            )
            for trail in found.trails
        ),
    )


def _said_at(text: str) -> str:
    """The signer's time to the minute, UTC."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M}"


def evidence_text(trail: Trail) -> str:
    """What an entry rests on, in one line."""
    own = [f"{_named(row)}, {row.topic}, {_spans(row.segments)}" for row in trail.entry.evidence]
    others = [str(number) for number in trail.entries if number != trail.entry.number]
    if others:
        own.append(f"the logs of {'entries' if len(others) > 1 else 'entry'} {', '.join(others)}")
    return "; ".join(own) or "NOTHING"


def checked_text(found: Audit) -> str:
    """How many entries were held against their logs, and which were not, in one line."""
    unchecked = [number for number, text in sorted(found.outcomes.items()) if text.startswith("not checked")]
    said = f"{len(found.outcomes) - len(unchecked)} of {len(found.outcomes)} measured entries worked out again"
    numbers = ", ".join(map(str, unchecked[:20])) + (" and more" if len(unchecked) > 20 else "")
    return said + (f"; not checked (log absent, or nothing to compare; see --evidence): {numbers}" if unchecked else "")


def _named(row: Evidence) -> str:
    """The log; entries of older books name its seal alone."""
    return f"log {row.log_sha256[:12]}" if row.log_sha256 else f"log of seal {row.seal_sha256[:12]}"


def _spans(segments: Iterable[int]) -> str:
    """Whole spans of segments by the time of their first and last, as "2027-01-15 08:00 to 08:01"."""
    spans: list[list[int]] = []
    for number in segments:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    told = [_time(first) if first == last else _span(_time(first), _time(last)) for first, last in spans[:20]]
    return ", ".join(told) + (" and more" if len(spans) > 20 else "")


def _span(first: str, last: str) -> str:
    day = first[:11] if first[:11] == last[:11] else ""
    return f"{first} to {last.removeprefix(day)}"


def _time(segment: int) -> str:
    """When a segment begins; the number that an entry gives, where no time is that far away."""
    try:
        return f"{datetime.fromtimestamp(segment * SEGMENT_S, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return f"segment {segment}"


def kg(amount_mg: int) -> str:
    """Milligrams as kilograms, exactly."""
    sign, whole = ("-" if amount_mg < 0 else ""), abs(amount_mg)
    return f"{sign}{whole // 1_000_000}.{whole % 1_000_000:06d}"


def _finding(text: str) -> str:
    """The sentence first; the code, by which the format's page explains it, behind."""
    code, _, sentence = text.partition(": ")
    return f"<li>{escape(sentence)} <code>{escape(code)}</code></li>"


def _table(heads: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Columns whose head has a unit are numbers and stand to the right."""
    marks = [' class="n"' if "[" in text else "" for text in heads]
    body = "".join(
        "<tr>"
        + "".join(f"<td{mark}>{escape(str(value))}</td>" for mark, value in zip(marks, row, strict=True))
        + "</tr>"
        for row in rows
    )
    head = "".join(f"<th{mark}>{escape(text)}</th>" for mark, text in zip(marks, heads, strict=True))
    return f'<div class="t"><table><tr>{head}</tr>{body}</table></div>' if body else "<p>None yet.</p>"
