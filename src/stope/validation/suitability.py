"""What suits which ground, and how far published models of digging disagree: tables for people, from the models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stope.mission.material import Material
from stope.physics.excavation import BLADE_MODELS, BladeCase, draft_spread
from stope.physics.techniques import TECHNIQUES, Suitability, suitability_table

SAYS = {"suits": "yes", "doubtful": "?", "fails": "-"}
#: Blade of 20 x 15 cm at 45 deg, 3 cm deep, tool friction two thirds of the soil's.
SOILS: dict[str, tuple[float, float, float, float]] = {  # density kg/m3, cohesion Pa, friction deg, gravity m/s2
    "Earth, sand": (1600.0, 200.0, 35.0, 9.81),
    "Moon, nominal soil": (1600.0, 520.0, 42.0, 1.62),
    "Ryugu, 10 Pa": (1200.0, 10.0, 35.0, 1.3e-4),
    "Bennu, 1 Pa": (600.0, 1.0, 35.0, 5.5e-5),
}


def verdict(found: Suitability) -> str:
    """One word."""
    return "doubtful" if found.doubtful else "suits" if found.suits else "fails"


def margins(materials: Sequence[Material]) -> dict[str, dict[str, dict[str, Any]]]:
    """By material and technique: verdict, margin and reason."""
    table: dict[str, dict[str, dict[str, Any]]] = {material.name: {} for material in materials}
    for found in suitability_table(materials):
        table[found.material][found.technique] = {
            "verdict": verdict(found), "margin": found.margin, "reason": found.reason,
        }  # fmt: skip
    return table


def told(materials: Sequence[Material]) -> str:
    """The matrix as text: a row a material, a column a technique."""
    heads = [name.replace("_", " ") for name in TECHNIQUES]
    first = max(len(material.name) for material in materials) + 2
    lines = [f"{'':<{first}}" + "  ".join(heads)]
    for name, row in margins(materials).items():
        cells = (SAYS[str(row[t]["verdict"])].center(len(head)) for t, head in zip(TECHNIQUES, heads, strict=True))
        lines.append(f"{name:<{first}}" + "  ".join(cells))
    legend = "yes: margin above 3; ?: within a factor of 3 of 1; -: below 1/3. --json has the reasons."
    return "\n".join([*lines, "", legend])


def suitability_markdown(materials: Sequence[Material]) -> str:
    """The matrix and every reason, as Markdown."""
    heads = " | ".join(name.replace("_", " ") for name in TECHNIQUES)
    rows = [f"| | {heads} |", "|---" * (len(TECHNIQUES) + 1) + "|"]
    table = margins(materials)
    for name, row in table.items():
        cells = (f"{SAYS[str(found['verdict'])]} {_margin(found['margin'])}" for found in row.values())
        rows.append(f"| `{name}` | " + " | ".join(cells) + " |")
    reasons = [
        f"\n### {name}\n\n" + "\n".join(f"- **{t.replace('_', ' ')}**: {found['reason']}" for t, found in row.items())
        for name, row in table.items()
    ]
    return "\n".join([*rows, *reasons, ""])


def digging_markdown() -> str:
    """The draft of one blade by every model side by side, N, and the spread between them, as Markdown."""
    names = list(BLADE_MODELS)
    rows = ["| soil | " + " | ".join(name.replace("_", " ") for name in names) + " | largest over least |",
            "|---" * (len(names) + 2) + "|"]  # fmt: skip
    for soil, (density, cohesion, friction, gravity) in SOILS.items():
        case = BladeCase(
            depth_m=0.03, width_m=0.2, length_m=0.15, rake_rad=np.radians(45.0), density_kg_m3=density,
            cohesion_pa=cohesion, friction_rad=np.radians(friction), adhesion_pa=0.0,
            tool_friction_rad=np.radians(friction * 2.0 / 3.0), gravity_m_s2=gravity, speed_m_s=0.01,
        )  # fmt: skip
        drafts = draft_spread(case)
        values = [float(drafts[name]) for name in names]
        ratio = max(values) / min(values) if min(values) > 0 else float("inf")
        rows.append(f"| {soil} | " + " | ".join(f"{value:.3g}" for value in values) + f" | {_margin(ratio)} |")
    return "\n".join([*rows, ""])


def _margin(value: float) -> str:
    """Two digits without an exponent; what is next to nothing is said to be."""
    if 0.0 < value < 0.01:
        return "<0.01"
    return f"{value:.2g}" if value < 99.5 else f"{float(f'{value:.2g}'):,.0f}"
