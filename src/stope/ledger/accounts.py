"""Mass accounts: double entry in whole micrograms, so every transfer is exact and every total is exactly constant.

A float stream becomes parcels in one place only (`Carry`), which keeps what is smaller than a microgram for next
time. Balances are Python integers checked to fit int64, the type that the log carries.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

import numpy as np

#: Where mass can be. Two of them have no floor: `ground` (a negative balance is the net mass that has left the
#: ground) and `opening` (the counter-entry of stock that was there at the start: propellant in the tank).
Account = Literal[
    "ground",
    "tool",
    "bin",
    "fallen_back",
    "in_flight",
    "escaped",
    "beyond_patch",
    "tank",
    "space",
    "opening",
]
ACCOUNTS: tuple[str, ...] = get_args(Account)
SOURCES = frozenset({"ground", "opening"})

MICROGRAMS_PER_KG = 1_000_000_000
_LARGEST = 2**63 - 1


class LedgerError(ValueError):
    """A transfer that the books cannot take; nothing was booked."""


class Row(NamedTuple):
    """One line of the balance sheet."""

    account: str
    material: str
    balance_ug: int


class MassBook:
    """Balances per (account, material). Every transfer takes from one account what it gives to another.

    The sum over accounts is 0 for every material, always: `ground` and `opening` go negative by what they gave.
    """

    def __init__(self) -> None:
        self._balance: dict[str, dict[str, int]] = {}
        self._moved: dict[str, int] = {}

    def transfer(self, material: str, source: str, target: str, mass_ug: int) -> None:
        """Move `mass_ug` micrograms of `material` from `source` to `target`; both change, or neither.

        Raises:
            LedgerError: an unknown account, one account twice, a mass that is not a whole number >= 0, more than
                `source` has (unless it is one of SOURCES), or a balance beyond int64.
        """
        mass = _whole(mass_ug)
        _check_account(source)
        _check_account(target)
        if source == target:
            raise LedgerError(f"a transfer from {source} to itself moves nothing")
        balances = self._balance.get(material, {})
        left, gained = balances.get(source, 0) - mass, balances.get(target, 0) + mass
        if left < 0 and source not in SOURCES:
            has = balances.get(source, 0)
            raise LedgerError(f"{source} has {has} ug of {material}, {mass} ug were to go to {target}")
        if left < -_LARGEST or gained > _LARGEST:
            raise LedgerError(f"{mass} ug of {material} from {source} to {target} exceeds 64-bit accounts")
        balances = self._balance.setdefault(material, balances)
        balances[source], balances[target] = left, gained
        self._moved[material] = self._moved.get(material, 0) + mass

    def open(self, material: str, account: str, mass_ug: int) -> None:
        """Book stock that was there at the start (propellant in the tank); its counter-entry is `opening`."""
        self.transfer(material, "opening", account, mass_ug)

    def balance(self, account: str, material: str) -> int:
        """Micrograms of `material` in `account`; 0 for a material that was never booked.

        Raises:
            LedgerError: no such account.
        """
        _check_account(account)
        return self._balance.get(material, {}).get(account, 0)

    def total(self, account: str) -> int:
        """Micrograms in `account`, all materials.

        Raises:
            LedgerError: no such account.
        """
        _check_account(account)
        return sum(balances.get(account, 0) for balances in self._balance.values())

    def materials(self) -> tuple[str, ...]:
        """Every material ever booked, in order of first appearance."""
        return tuple(self._balance)

    def moved_ug(self, material: str | None = None) -> int:
        """Turnover: the sum of all transfers, the yardstick of the independent mass sum."""
        return sum(self._moved.values()) if material is None else self._moved.get(material, 0)

    def rows(self) -> list[Row]:
        """The balance sheet: every account that was ever touched, in the order of ACCOUNTS."""
        return list(self._rows())

    def total_error_ug(self) -> int:
        """Sum over materials of |sum over accounts|; 0, or the book is broken."""
        return sum(abs(sum(balances.values())) for balances in self._balance.values())

    def _rows(self) -> Iterator[Row]:
        for material, balances in self._balance.items():
            for account in ACCOUNTS:
                if account in balances:
                    yield Row(account, material, balances[account])


class Carry:
    """Turns a stream of masses in kilograms into whole micrograms; what is left over waits for the next call.

    The sum of all parcels plus `remainder_ug` is the sum of the stream, to float rounding of each term.
    """

    def __init__(self) -> None:
        self.remainder_ug = 0.0

    def take(self, mass_kg: float) -> int:
        """Whole micrograms that have come together with this `mass_kg`.

        Raises:
            LedgerError: NaN, infinite or negative mass; the remainder is unchanged.
        """
        if not (0.0 <= mass_kg < math.inf):
            raise LedgerError(f"a mass stream cannot flow {mass_kg} kg")
        total = self.remainder_ug + float(mass_kg) * MICROGRAMS_PER_KG
        whole = math.floor(total)
        self.remainder_ug = total - whole
        return whole


def micrograms(mass_kg: float) -> int:
    """`mass_kg` to the nearest microgram.

    Raises:
        LedgerError: NaN, infinite, negative, or beyond int64 (9.2 million tonnes).
    """
    if not (0.0 <= mass_kg <= _LARGEST / MICROGRAMS_PER_KG):
        raise LedgerError(f"{mass_kg} kg is no mass that the books can hold")
    return round(mass_kg * MICROGRAMS_PER_KG)


def kilograms(mass_ug: int) -> float:
    """For display and physics; the books stay in micrograms."""
    return mass_ug / MICROGRAMS_PER_KG


def _check_account(account: str) -> None:
    if account not in ACCOUNTS:
        raise LedgerError(f"no account {account!r}; the accounts are {', '.join(ACCOUNTS)}")


def _whole(mass_ug: object) -> int:
    if isinstance(mass_ug, bool | np.bool_) or not isinstance(mass_ug, int | np.integer):
        raise LedgerError(f"a transfer needs whole micrograms, got {mass_ug!r} ({type(mass_ug).__name__})")
    if mass_ug < 0:
        raise LedgerError(f"a transfer cannot be negative, got {mass_ug} ug; swap source and target")
    return int(mass_ug)
