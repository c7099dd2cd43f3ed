"""The spread of a campaign as one SVG: how the runs ended, and a histogram of each quantity with its percentiles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from stope.campaign.job import Row
from stope.campaign.verdict import statistic, values_of
from stope.mission.scenario import VERDICTS, Limit, Scenario

SHOWN = {
    "depth_m": ("hole depth, mm", 1e3),
    "sim_s": ("time, s", 1.0),
    "peak_weight_on_bit_n": ("largest weight-on-bit, N", 1.0),
    "worst_margin": ("worst anchor margin, %", 100.0),
    "collected_kg": ("collected, g", 1e3),
    "escaped_kg": ("escaped, g", 1e3),
    "energy_j": ("energy, W h", 1 / 3600.0),
    "propellant_kg": ("propellant left, g", 1e3),
}
COLOURS = {"passed": "#2e8b57", "recovered": "#d9a441", "failed": "#c0392b", "lost": "#6b1f1f", "broken": "#555"}
WIDTH, PANEL_W, PANEL_H, LEFT, TOP, GAP_X, GAP_Y = 860, 360, 120, 50, 84, 50, 62
BINS = 24


def figure(scenario: Scenario, rows: Sequence[Row]) -> str:
    """SVG text."""
    panels = [(name, values) for name in SHOWN if len(set(values := values_of(rows, name))) > 1]
    height = TOP + max(1, math.ceil(len(panels) / 2)) * (PANEL_H + GAP_Y)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"',
        '     font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15" font-weight="bold">{escape(scenario.name)}: {len(rows)} seeds</text>',
        *_verdicts(rows),
    ]
    for index, (name, values) in enumerate(panels):
        left, top = LEFT + index % 2 * (PANEL_W + GAP_X), TOP + index // 2 * (PANEL_H + GAP_Y) + 16
        parts += _panel(name, values, [limit for limit in scenario.acceptance if limit.quantity == name], left, top)
    return "\n".join([*parts, "</svg>", ""])


def _verdicts(rows: Sequence[Row]) -> Iterator[str]:
    x, full = float(LEFT), WIDTH - 2 * LEFT
    for name in VERDICTS:
        count = sum(row.verdict.lower() == name for row in rows)
        if not count:
            continue
        width = full * count / len(rows)
        yield f'<rect x="{x:.1f}" y="34" width="{width:.1f}" height="16" fill="{COLOURS[name]}"/>'
        yield f'<text x="{x:.1f}" y="64">{name} {count}</text>'
        x += width


def _panel(name: str, values: list[float], limits: list[Limit], left: float, top: float) -> Iterator[str]:
    title, scale = SHOWN[name]
    scaled = np.array(values) * scale
    low, high = float(scaled.min()), float(scaled.max())
    counts, edges = np.histogram(scaled, bins=min(BINS, max(4, math.isqrt(len(scaled)) * 2)), range=(low, high))
    bottom, most = top + PANEL_H, int(counts.max())

    def x(value: float) -> float:
        return left + PANEL_W * (value - low) / (high - low)

    median, p05, p95 = (statistic(each, scaled.tolist()) for each in ("p50", "p05", "p95"))
    yield f'<text x="{left}" y="{top - 8}" font-weight="bold">{title}</text>'
    yield (
        f'<text x="{left + PANEL_W}" y="{top - 8}" text-anchor="end" fill="#555">'
        f"median {median:.4g}, 5 to 95 % {p05:.4g} to {p95:.4g}</text>"
    )
    for count, start, end in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        tall = PANEL_H * count / most
        yield (
            f'<rect x="{x(start):.1f}" y="{bottom - tall:.1f}" width="{max(0.5, x(end) - x(start) - 1):.1f}" '
            f'height="{tall:.1f}" fill="#7fa7c9"/>'
        )
    for value, dash in ((median, "none"), (p05, "4 3"), (p95, "4 3")):
        yield _upright(x(value), top, bottom, "#1f3b57", dash)
    for limit in limits:
        bound = limit.at_least if limit.at_least is not None else limit.at_most
        if bound is not None and low <= bound * scale <= high:
            yield _upright(x(bound * scale), top, bottom, "#c0392b", "none")
    yield f'<line x1="{left}" x2="{left + PANEL_W}" y1="{bottom}" y2="{bottom}" stroke="#333"/>'
    for value, anchor in ((low, "start"), ((low + high) / 2, "middle"), (high, "end")):
        yield f'<text x="{x(value):.1f}" y="{bottom + 16}" text-anchor="{anchor}">{value:.4g}</text>'
    yield f'<text x="{left - 6}" y="{top + 8}" text-anchor="end">{most}</text>'


def _upright(x: float, top: float, bottom: float, colour: str, dash: str) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="{colour}" stroke-width="1.5" '
        f'stroke-dasharray="{dash}"/>'
    )
