"""The plan as a picture: a Gantt chart in SVG, one lane a robot, with sunlight, communication and battery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

from stope.mission.planfile import Activity
from stope.planning.problem import Problem

COLOURS = {
    "approach": "#9aa0a6", "survey": "#c5b3e6", "anchor": "#7e57c2", "pull_test": "#5e35b1", "drill": "#c0392b",
    "sample": "#16a085", "collect": "#d98c3f", "stow": "#b0906a", "release": "#8d6e63", "charge": "#f4c20d",
    "downlink": "#2a7de1", "unload": "#2e8b57",
}  # fmt: skip
_LEFT, _TOP, _LANE, _WIDTH = 74, 58, 92, 1400
_FONT = "font-family='Helvetica, Arial, sans-serif'"


def gantt_svg(problem: Problem, plan: Sequence[Activity], title: str) -> str:
    """The chart as SVG text. Lanes from the top: names of sites, tasks, what is done while parked, battery level."""
    lanes = len(problem.robots)
    height = _TOP + _LANE * lanes + 62
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' width='{_WIDTH}' height='{height}'>",
        f"<rect width='{_WIDTH}' height='{height}' fill='white'/>",
        _text(_LEFT, 22, title, 16, "bold"),
        *_background(problem, lanes),
    ]
    for robot in range(lanes):
        parts += _lane(problem, [a for a in plan if a.robot == robot], robot)
    return "\n".join([*parts, *_axis(problem, lanes), *_legend(height), "</svg>", ""])


def _x(problem: Problem, minute: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - 16) * minute / problem.horizon


def _box(problem: Problem, start: float, end: float, y: float, height: float, fill: str, more: str = "") -> str:
    x, width = _x(problem, start), max(0.8, _x(problem, end) - _x(problem, start))
    return f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' fill='{fill}' {more}/>"


def _text(x: float, y: float, text: str, size: int = 11, weight: str = "normal", anchor: str = "start") -> str:
    style = f"font-size='{size}' font-weight='{weight}' text-anchor='{anchor}' fill='#222' {_FONT}"
    return f"<text x='{x:.1f}' y='{y:.1f}' {style}>{escape(text)}</text>"


def _background(problem: Problem, lanes: int) -> Iterator[str]:
    bottom = _LANE * lanes
    yield _box(problem, 0, problem.horizon, _TOP, bottom, "#e3e6ee")
    for begin, end in problem.sun:
        if begin < problem.horizon:
            yield _box(problem, begin, min(end, problem.horizon), _TOP, bottom, "#fff8dc")
    for begin, end in problem.comm:
        if begin < problem.horizon:
            yield _box(problem, begin, min(end, problem.horizon), _TOP - 9, 7, COLOURS["downlink"])
    yield _text(_LEFT - 6, _TOP - 2, "comm", 10, anchor="end")


def _lane(problem: Problem, own: list[Activity], robot: int) -> Iterator[str]:
    y = _TOP + _LANE * robot
    yield f"<line x1='{_LEFT}' x2='{_WIDTH - 16}' y1='{y + _LANE}' y2='{y + _LANE}' stroke='#777' stroke-width='0.6'/>"
    yield _text(_LEFT - 6, y + 34, f"robot {robot}", 12, "bold", "end")
    yield _text(_LEFT - 6, y + 72, "battery", 10, anchor="end")
    names = [(a.start_min, a.site) for a in own if a.task == "survey"]
    free = 0.0
    for start, name in names:
        x = _x(problem, start)
        if x >= free:
            yield _text(x, y + 14, name, 10)
            free = x + 6.0 * len(name) + 4
    for a in own:
        parked = a.task in ("charge", "downlink")
        label = f"<title>{escape(f'{a.task} {a.site}, minute {a.start_min} to {a.end_min}')}</title>"
        box = _box(problem, a.start_min, a.end_min, y + (40 if parked else 20), 8 if parked else 19, COLOURS[a.task])
        yield box.replace("/>", f">{label}</rect>")
    points = " ".join(
        f"{_x(problem, t):.1f},{y + 88 - 34 * level / problem.fleet.battery:.1f}" for t, level in levels(problem, own)
    )
    yield f"<polyline points='{points}' fill='none' stroke='#333' stroke-width='1.2'/>"
    line = y + 88 - 34 * problem.fleet.reserve / problem.fleet.battery
    yield (
        f"<line x1='{_LEFT}' x2='{_WIDTH - 16}' y1='{line:.1f}' y2='{line:.1f}' stroke='#c0392b'"
        " stroke-width='0.7' stroke-dasharray='4 3'/>"
    )


def levels(problem: Problem, own: Sequence[Activity]) -> Iterator[tuple[float, float]]:
    """(minute, watt-minutes) corners of one robot's planned battery level, every activity drawn down evenly."""
    if not own:
        return
    state, fleet = problem.robots[own[0].robot], problem.fleet
    corners = sorted({state.time} | {t for a in own for t in (a.start_min, a.end_min)})
    level = float(state.level)
    yield corners[0], level
    for begin, end in pairwise(corners):
        running = [a for a in own if a.start_min <= begin and end <= a.end_min]
        power = sum((1 if a.task == "charge" else -1) * 60 * a.energy_wh / (a.end_min - a.start_min) for a in running)
        level = min(fleet.battery, level + (end - begin) * (power if running else -fleet.idle_w))
        yield end, level


def _axis(problem: Problem, lanes: int) -> Iterator[str]:
    y = _TOP + _LANE * lanes
    step = next((s for s in (60, 120, 240, 480, 720, 1440, 2880) if problem.horizon / s <= 20), 5760)
    for minute in range(0, problem.horizon + 1, step):
        x = _x(problem, minute)
        yield f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{y}' y2='{y + 5}' stroke='#444'/>"
        yield _text(x, y + 17, f"{minute // 60} h", 10, anchor="middle")


def _legend(height: int) -> Iterator[str]:
    x = float(_LEFT)
    for task, colour in [*COLOURS.items(), ("sunlight", "#fff8dc"), ("dark", "#e3e6ee")]:
        yield f"<rect x='{x:.0f}' y='{height - 24}' width='12' height='12' fill='{colour}' stroke='#999'/>"
        yield _text(x + 16, height - 14, task.replace("_", " "), 11)
        x += 32 + 6.6 * len(task)
    y = height - 18
    yield f"<line x1='{x:.0f}' x2='{x + 18:.0f}' y1='{y}' y2='{y}' stroke='#c0392b' stroke-dasharray='4 3'/>"
    yield _text(x + 24, height - 14, "reserve", 11)
