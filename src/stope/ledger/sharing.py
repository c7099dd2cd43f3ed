"""Who gets what: a pure function of agreement and contributions, in whole milligrams, the same on every machine.

Weights and contributions become exact fractions first, so no rounding depends on the order of a sum; the milligrams
that are left over by rounding down go to the largest remainders, and among equals by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from stope.ledger.agreement import Agreement

MG_PER_KG = 1_000_000


def allocate(
    agreement: Agreement, contributions: Mapping[str, Mapping[str, int]], commodity: str, total_mg: int
) -> dict[str, int]:
    """Milligrams by partner; they sum to `total_mg`.

    Args:
        agreement: the rule.
        contributions: by partner and kind (`hardware`, `energy`, `data`, `mass`), in whole units.
        commodity: what is shared.
        total_mg: how much of it; not negative.

    Raises:
        ValueError: a negative total or contribution.
    """
    if total_mg < 0 or any(amount < 0 for row in contributions.values() for amount in row.values()):
        raise ValueError("shares of a negative amount")
    names = sorted(agreement.partners)
    if agreement.rule == "equal":
        return _split(total_mg, dict.fromkeys(names, Fraction(1)))
    values = _values(agreement, contributions, names)
    if agreement.rule == "proportional":
        return _split(total_mg, values)
    if agreement.rule == "floor":
        return _split(total_mg, _with_floor(agreement, values))
    served = (
        _claims(agreement, commodity, total_mg)
        if agreement.rule == "priority"
        else _bids(agreement, commodity, total_mg)
    )
    rest = values if agreement.rule == "priority" else dict.fromkeys(names, Fraction(1))
    shares = _split(total_mg - sum(served.values()), rest)
    return {name: served.get(name, 0) + shares[name] for name in names}


def _values(
    agreement: Agreement, contributions: Mapping[str, Mapping[str, int]], names: list[str]
) -> dict[str, Fraction]:
    """Weighted contributions; all equal where nobody has contributed."""
    values = {
        name: sum(
            (
                _as_written(weight) * contributions.get(name, {}).get(kind, 0)
                for kind, weight in agreement.weights.items()
            ),
            Fraction(0),
        )
        for name in names
    }
    return values if any(values.values()) else dict.fromkeys(names, Fraction(1))


def _with_floor(agreement: Agreement, values: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Shares where each developing partner has the floor at least; the others' shrink in proportion.

    A partner that is lifted leaves less for the others, which can push another one under its floor: repeat until none
    is; each round lifts one at least, so it ends.
    """
    floor = _as_written(agreement.floor_share)
    developing = {name for name, partner in agreement.partners.items() if partner.developing}
    lifted: set[str] = set()
    while True:
        free = {name: value for name, value in values.items() if name not in lifted}
        left, weight = 1 - floor * len(lifted), sum(free.values(), Fraction(0))
        shares = {name: left * value / weight if weight else left / len(free) for name, value in free.items()}
        under = {name for name, share in shares.items() if name in developing and share < floor}
        if not under:
            return {**shares, **dict.fromkeys(lifted, floor)}
        lifted |= under


def _claims(agreement: Agreement, commodity: str, total_mg: int) -> dict[str, int]:
    """Claims in the order of priority, as far as it goes."""
    served: dict[str, int] = {}
    left = total_mg
    for name in dict.fromkeys(agreement.priority):
        claim = round(_as_written(agreement.partners[name].claim_kg.get(commodity, 0.0)) * MG_PER_KG)
        served[name] = min(claim, left)
        left -= served[name]
    return served


def _bids(agreement: Agreement, commodity: str, total_mg: int) -> dict[str, int]:
    """The highest price first; equal prices by name, then in the order of the file."""
    served: dict[str, int] = {}
    left = total_mg
    bids = [bid for bid in agreement.bids if bid.commodity == commodity]
    for bid in sorted(bids, key=lambda bid: (-bid.price_per_kg, bid.partner)):
        amount = min(round(_as_written(bid.amount_kg) * MG_PER_KG), left)
        served[bid.partner] = served.get(bid.partner, 0) + amount
        left -= amount
    return served


def _as_written(number: float) -> Fraction:
    """0.1 of a file as one tenth: the float is a little more, and ten floors of it would be more than the whole."""
    return Fraction(repr(number))


def _split(total_mg: int, weights: Mapping[str, Fraction]) -> dict[str, int]:
    """`total_mg` in proportion to `weights`, by largest remainder."""
    whole = sum(weights.values(), Fraction(0))
    exact = {name: total_mg * weight / whole for name, weight in weights.items()}
    shares = {name: int(share) for name, share in exact.items()}
    left = total_mg - sum(shares.values())
    by_remainder = sorted(exact, key=lambda name: (shares[name] - exact[name], name))
    for name in by_remainder[:left]:
        shares[name] += 1
    return dict(sorted(shares.items()))
