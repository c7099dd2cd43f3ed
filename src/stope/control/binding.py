"""What binds: the dual variables of the reserve, in words.

At the optimum of the reserve (a linear programme but for a small regularisation), the dual z_i of a limit c_i x <= b_i
is the reserve that one more unit of b_i would buy, up to a common factor, and by complementarity the reserve is made up
of the limits that bind: s = sum_i b_i z_i / common factor. So b_i z_i over its sum is the share of the reserve that
limit i decides: making that limit one per cent larger makes the reserve larger by that share of a per cent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stope.robot.messages import Vector

LEAST_SHARE = 0.05  # smaller ones are left out of the sentence


@dataclass(frozen=True, slots=True)
class Row:
    """What one inequality stands for: which limb, and which of its limits."""

    limb: int
    limit: str


@dataclass(frozen=True, slots=True)
class Binding:
    """One limit that binds.

    Attributes:
        limb: whose; limit: "pull-off", "shear", "no ground", "joint torque" or "clamp moment".
        share: of the reserve that this limit decides, 0 to 1; all shares add up to 1.
    """

    limb: int
    limit: str
    share: float


def bindings(rows: list[Row], duals: Vector, bounds: Vector) -> list[Binding]:
    """Shares of the reserve by limb and limit, largest first.

    Args:
        rows: what each inequality is; duals: (rows,) of the solver, negative at a lower bound; bounds: (rows,) upper.
    """
    worth = np.abs(duals) * np.abs(bounds)
    total = float(worth.sum())
    if total <= 0.0:
        return []
    shares: dict[Row, float] = {}
    for row, value in zip(rows, worth.tolist(), strict=True):
        if value > 0.0:
            shares[row] = shares.get(row, 0.0) + value / total
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return [Binding(row.limb, row.limit, share) for row, share in ordered]


def in_words(found: list[Binding], names: list[str]) -> str:
    """One clause for people: "pull-off of fl 51 %, joint torque of rr 49 %"; empty when nothing binds."""
    told = [item for item in found if item.share >= LEAST_SHARE]
    return ", ".join(f"{item.limit} of {names[item.limb]} {100.0 * item.share:.0f} %" for item in told)
