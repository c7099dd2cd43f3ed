"""How hard to pull: worth of an anchor against the pull that tests it, for three needs, as a figure and a table.

    python benchmarks/pull_tests.py [--rock c_boulder_strong] [--risk 1e-3] [--figure docs/img/pull_tests.svg]

The curves are `stope.belief.pulltest.plan_pull_test`'s own; a dot marks the pull that it chooses.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from stope.belief.anchors import AnchorBelief
from stope.belief.hazards import Exposure
from stope.belief.pulltest import PullTestPlan, plan_pull_test
from stope.mission.material import Material, load_material

ANCHORS = 4
#: What a task needs of one anchor, as a share of the median strength.
NEEDS = (0.3, 0.6, math.inf)
#: What the task does to it: half an hour under load, taken off and put on again each minute.
TASK = Exposure(1800.0, 30.0)
COLOURS = ("#0b7285", "#c92a2a", "#5f3dc4")
LEFT, TOP, WIDTH, HEIGHT = 56, 40, 470, 240


def plans(rock: Material, risk: float) -> dict[str, PullTestPlan]:
    """The best pull at a fresh grip in this rock, for each need."""
    belief = AnchorBelief(
        rock.spine_normal_n, rock.spine_shear_n, rock.foot_friction, log_sd=rock.spine_log_sd, anchors=ANCHORS,
        exposure=TASK,
    )  # fmt: skip
    belief.engaged(0, 1.0)
    needs = {f"{need * rock.spine_normal_n:.0f} N" if need < math.inf else "all there is": need for need in NEEDS}
    return {name: plan_pull_test(belief, 0, risk, ANCHORS, need) for name, need in needs.items()}


def figure(found: dict[str, PullTestPlan], median_n: float, title: str) -> str:
    """Worth over pull, both in newtons, as an SVG of plain lines."""
    most = 1.5 * median_n
    top = 1.2 * max(plan.worth for plan in found.values()) * median_n

    def at(pull_n: float, worth_n: float) -> str:
        return f"{LEFT + WIDTH * pull_n / most:.1f},{TOP + HEIGHT * (1.0 - worth_n / top):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {TOP + HEIGHT + 110}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="20">{title}</text>',
        f'<path d="M{LEFT} {TOP} V{TOP + HEIGHT} H{LEFT + WIDTH}" fill="none" stroke="#888"/>',
        f'<text x="{LEFT + WIDTH}" y="{TOP + HEIGHT + 34}" text-anchor="end">pull of the test, N</text>',
        f'<text x="14" y="{TOP}" transform="rotate(-90 14 {TOP})" text-anchor="end">worth of the anchor, N</text>',
    ]
    for tick in np.arange(0.0, most + 1.0, 20.0).tolist():
        x = LEFT + WIDTH * tick / most
        parts.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{tick:.0f}</text>')
    for tick in np.arange(0.0, top, 10.0).tolist():
        y = TOP + HEIGHT * (1.0 - tick / top)
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.0f}</text>')
    for row, (colour, (name, plan)) in enumerate(zip(COLOURS, found.items(), strict=True)):
        shown = plan.tried * median_n < most
        curve = zip(plan.tried[shown] * median_n, plan.worths[shown] * median_n, strict=True)
        parts.append(f'<polyline points="{" ".join(at(*point) for point in curve)}" fill="none" stroke="{colour}" '
                     'stroke-width="2"/>')  # fmt: skip
        x, y = at(plan.utilisation * median_n, plan.worth * median_n).split(",")
        parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>')
        below = TOP + HEIGHT + 54 + 16 * row
        parts.append(f'<text x="{LEFT}" y="{below}" fill="{colour}">needs {name}: {_said(plan, median_n)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _said(plan: PullTestPlan, median_n: float) -> str:
    if plan.utilisation == 0.0:
        return f"no test, {plan.untested * median_n:.0f} N allowed as it is"
    return (
        f"pull with {plan.utilisation * median_n:.0f} N, held by {100.0 * plan.hold_probability:.1f} %; then "
        f"{plan.allowed * median_n:.0f} N allowed instead of {plan.untested * median_n:.0f} N"
    )


def main() -> None:
    """Print the plans; draw them where asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rock", default="c_boulder_strong")
    parser.add_argument("--risk", type=float, default=1e-3)
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    rock = load_material(given.rock)
    found = plans(rock, given.risk)
    for name, plan in found.items():
        print(f"{given.rock}, needs {name}: {_said(plan, rock.spine_normal_n)}")
    if given.figure:
        title = f"{given.rock}: {rock.spine_normal_n:.0f} N median, risk {given.risk:g} over {ANCHORS} anchors"
        given.figure.write_text(figure(found, rock.spine_normal_n, title), encoding="utf-8")


if __name__ == "__main__":
    main()
