"""The figure of `stope log diff`: depth and weight-on-bit of two or three logs over time, as an SVG."""

from __future__ import annotations

import math
from html import escape

from stope.tasklog.diff import Curve, Summary

WIDTH, PANEL, LEFT, TOP, GAP = 860, 190, 70, 90, 52
#: Each thinner than the one below it: where they agree, all are seen.
COLOURS, STROKES = ("#8fbfe0", "#f4a259", "#7a0c16"), (7.0, 3.4, 1.2)
SAMPLES = 800  # more than the figure has columns to show


def figure(*logs: Summary) -> str:
    """SVG text of two or three logs."""
    end_s = max([1.0, *(curve.time_s[-1] for log in logs for curve in (log.depth_m, log.weight_n) if curve.time_s)])
    panels = (
        ("hole depth, mm", [(log.depth_m, 1e3) for log in logs]),
        ("weight-on-bit, N", [(log.weight_n, 1.0) for log in logs]),
    )
    height = TOP + len(panels) * (PANEL + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        '     font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for index, (log, colour) in enumerate(zip(logs, COLOURS, strict=False)):
        name = escape("/".join(log.path.parts[-2:]))
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + 24}" y1="{16 + 18 * index}" y2="{16 + 18 * index}" '
                     f'stroke="{colour}" stroke-width="{STROKES[index]}"/>')  # fmt: skip
        parts.append(f'<text x="{LEFT + 32}" y="{20 + 18 * index}">{"ABC"[index]}: {name}</text>')
    for index, (title, curves) in enumerate(panels):
        parts += _panel(title, curves, end_s, TOP + index * (PANEL + GAP))
    return "\n".join([*parts, "</svg>", ""])


def _panel(title: str, curves: list[tuple[Curve, float]], end_s: float, top: float) -> list[str]:
    highest = max([1.0, *(scale * max(curve.value) for curve, scale in curves if curve.value)])
    step = _step(highest)
    full, width, bottom = step * math.ceil(highest / step), WIDTH - LEFT - 20, top + PANEL
    parts = [f'<text x="{LEFT}" y="{top - 6}" font-weight="bold">{title}</text>']
    for k in range(round(full / step) + 1):
        y = bottom - PANEL * k * step / full
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{k * step:g}</text>')
    tick_s = _step(end_s)
    for k in range(math.floor(end_s / tick_s) + 1):
        x = LEFT + width * k * tick_s / end_s
        parts.append(f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{k * tick_s:g} s</text>')
    for (curve, scale), colour, stroke in zip(curves, COLOURS, STROKES, strict=False):
        if not curve.value:
            continue
        points = []
        for k in range(SAMPLES + 1):
            value = min(max(scale * curve.at(end_s * k / SAMPLES), 0.0), full)
            points.append(f"{LEFT + width * k / SAMPLES:.1f},{bottom - PANEL * value / full:.1f}")
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="{stroke}" points="{" ".join(points)}"/>')
    return parts


def _step(span: float) -> float:
    """A round number of which four to ten fit into `span`."""
    power = 10.0 ** math.floor(math.log10(span / 4.0))
    return max(factor * power for factor in (1.0, 2.0, 5.0) if factor * power <= span / 4.0)
