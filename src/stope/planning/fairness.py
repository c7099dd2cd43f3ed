"""Shares: how far the collected masses are outside the agreement's band, in thousandths of a gram. Compiled.

Every partner's mass M_p must lie in (share_p -+ tolerance) M -+ slack with M the total. Mass from common ground may go
to anybody, so it fills the deepest gaps first; what cannot be mended that way is the violation; 0 is fair. A band that
no completion can meet is not refused but missed by as little as can be: after failures there may be no fair way on.
"""

from __future__ import annotations

from stope.planning.compiled import compiled, put
from stope.planning.tables import NODE, Ints, Tables


@compiled
def violation(share: Ints, tolerance: int, slack: int, mass: Ints) -> int:
    """Milligrams outside the band, all partners together; `mass` (P+1,) in grams, the last one common."""
    total = 0
    for each in mass:
        total += each
    lacking = excess = room = 0
    for p in range(len(share)):
        low = (share[p] - tolerance) * total - 1000 * slack
        high = (share[p] + tolerance) * total + 1000 * slack
        own = 1000 * mass[p]
        lacking += max(0, low - own)
        excess += max(0, own - high)
        room += max(0, high - max(own, low))
    common = 1000 * mass[-1]
    return int(excess + max(0, lacking - common) + max(0, common - lacking - room))


@compiled
def worsening(T: Tables, rows: Ints, length: Ints, mass: Ints, order: Ints) -> int:
    """Milligrams by which shares worsen on the way, summed over the visits in order of their ends.

    A plan without worsening stays inside the band wherever it is cut short: that is what makes shares survive failed
    anchors. `rows` (R, L, COLUMNS); `mass` (P+1,) and `order` (n, 3) are scratch.
    """
    count = 0
    for r in range(len(length)):
        for k in range(1, length[r] + 1):
            if rows[r, k, NODE]:
                order[count, 0], order[count, 1], order[count, 2] = rows[r, k, 1], r, rows[r, k, NODE]
                count += 1
    for i in range(1, count):  # insertion sort by end, then robot: few, and nearly sorted
        end, robot, node = order[i, 0], order[i, 1], order[i, 2]
        j = i - 1
        while j >= 0 and (order[j, 0] > end or (order[j, 0] == end and order[j, 1] > robot)):
            put(order[j + 1], order[j])
            j -= 1
        order[j + 1, 0], order[j + 1, 1], order[j + 1, 2] = end, robot, node
    put(mass, T.base)
    before = violation(T.share, T.rule.tolerance, T.rule.slack, mass)
    worse = 0
    for i in range(count):
        mass[T.node[order[i, 2]].partner] += T.node[order[i, 2]].mass
        now = violation(T.share, T.rule.tolerance, T.rule.slack, mass)
        worse += max(0, now - before)
        before = now
    return worse


__all__ = ["violation", "worsening"]
