"""Ways: how far it is from place to place when discs must be gone around."""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = tuple[float, float]
Disc = tuple[float, float, float]  # x, y, radius in metres


def way_m(a: Point, b: Point, discs: Sequence[Disc] = ()) -> float:
    """Length of a way from `a` to `b`, metres, that enters no disc: the chord inside each becomes the shorter arc.

    That is a way that can be driven as long as discs do not overlap, a little longer than the shortest one. Both ends
    lie outside the discs (sites inside are forbidden).
    """
    length = math.dist(a, b)
    return length + sum(_detour(a, b, disc) for disc in discs) if length else 0.0


def inside(point: Point, discs: Sequence[Disc]) -> int:
    """Index of the first disc that holds `point`, -1 if none does."""
    return next((k for k, (x, y, radius) in enumerate(discs) if math.dist(point, (x, y)) < radius), -1)


def _detour(a: Point, b: Point, disc: Disc) -> float:
    """Arc less chord where the straight way crosses the disc, metres; 0 where it does not."""
    x, y, radius = disc
    length = math.dist(a, b)
    along = ((x - a[0]) * (b[0] - a[0]) + (y - a[1]) * (b[1] - a[1])) / length
    aside = abs((x - a[0]) * (b[1] - a[1]) - (y - a[1]) * (b[0] - a[0])) / length
    if aside >= radius or not 0.0 < along < length:
        return 0.0
    half = math.acos(aside / radius)
    return 2.0 * radius * (half - math.sin(half))
