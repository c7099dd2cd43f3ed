"""The mass book: exact for any sequence of transfers, unchanged by a refused one; Carry loses nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.ledger.accounts import ACCOUNTS, SOURCES, Carry, LedgerError, MassBook, Row, kilograms, micrograms

transfers = st.lists(
    st.tuples(
        st.sampled_from(["rock", "regolith"]),
        st.sampled_from(ACCOUNTS),
        st.sampled_from(ACCOUNTS),
        st.integers(-10, 2**40),
    ),
    max_size=60,
)


@given(transfers)
@settings(max_examples=100)
def test_any_sequence_of_transfers_leaves_every_material_at_zero_sum(sequence):
    book = MassBook()
    moved = 0
    for entry in sequence:
        before = book.rows()
        try:
            book.transfer(*entry)
            moved += entry[3]
        except LedgerError:
            assert book.rows() == before
    assert book.total_error_ug() == 0
    assert book.moved_ug() == moved
    assert all(row.balance_ug >= 0 for row in book.rows() if row.account not in SOURCES)
    for account in ACCOUNTS:
        assert book.total(account) == sum(book.balance(account, m) for m in book.materials())


def test_the_ground_owes_what_left_it():
    book = MassBook()
    book.transfer("rock", "ground", "tool", 700)
    book.transfer("rock", "tool", "bin", np.int64(500))
    book.open("propellant", "tank", 9_000)
    assert book.rows() == [
        Row("ground", "rock", -700),
        Row("tool", "rock", 200),
        Row("bin", "rock", 500),
        Row("tank", "propellant", 9_000),
        Row("opening", "propellant", -9_000),
    ]
    assert book.balance("bin", "ice") == 0
    assert type(book.balance("bin", "rock")) is int


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (("rock", "ground", "bin", 1.0), "whole micrograms"),
        (("rock", "ground", "bin", True), "whole micrograms"),
        (("rock", "ground", "bin", np.float64(3)), "whole micrograms"),
        (("rock", "ground", "bin", math.nan), "whole micrograms"),
        (("rock", "ground", "bin", -1), "negative"),
        (("rock", "bin", "ground", 1), "bin has 0 ug of rock"),
        (("rock", "ground", "pocket", 1), "no account 'pocket'"),
        (("rock", "ground", "ground", 1), "to itself"),
        (("rock", "ground", "bin", 2**63), "64-bit"),
    ],
)
def test_what_the_book_refuses(entry, message):
    book = MassBook()
    with pytest.raises(LedgerError, match=message):
        book.transfer(*entry)
    assert book.rows() == []
    assert book.materials() == ()


def test_an_unknown_account_has_no_balance():
    for question in (lambda b: b.balance("pocket", "rock"), lambda b: b.total("pocket")):
        with pytest.raises(LedgerError, match="no account"):
            question(MassBook())


def test_a_tampered_balance_shows_as_an_error():
    book = MassBook()
    book.transfer("rock", "ground", "bin", 100)
    book._balance["rock"]["bin"] += 3
    assert book.total_error_ug() == 3


@given(st.lists(st.floats(0.0, 1e-3), max_size=300))
@settings(max_examples=60)
def test_carry_keeps_what_is_smaller_than_a_microgram(stream):
    carry = Carry()
    parcels = [carry.take(mass) for mass in stream]
    assert all(isinstance(p, int) and p >= 0 for p in parcels)
    assert 0.0 <= carry.remainder_ug < 1.0
    assert sum(parcels) + carry.remainder_ug == pytest.approx(math.fsum(stream) * 1e9, abs=1e-6)


@pytest.mark.parametrize("mass", [math.nan, math.inf, -1e-12])
def test_no_stream_flows_backwards_or_without_number(mass):
    carry = Carry()
    carry.take(2.5e-10)
    with pytest.raises(LedgerError):
        carry.take(mass)
    assert carry.remainder_ug == 0.25
    with pytest.raises(LedgerError):
        micrograms(mass)


@given(st.floats(0.0, 1e6))
def test_micrograms_round_to_the_nearest(mass):
    assert abs(kilograms(micrograms(mass)) - mass) <= 0.5e-9 + 1e-15 * mass
