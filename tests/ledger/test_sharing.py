"""Agreements and their rules: shares are exact, fair as written, and sum to the whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_story import AGREEMENT

from stope.ledger.agreement import Agreement, load_agreement
from stope.ledger.sharing import allocate
from stope.mission.errors import InputError


def rules(rule: str, **changes: Any) -> Agreement:
    partners = {"a": {"name": "A"}, "b": {"name": "B", "developing": True}, "c": {"name": "C", "developing": True}}
    plain = {"agreement": "x", "partners": partners, "rule": rule, "weights": {"hardware": 1.0}, **changes}
    return Agreement.model_validate_json(json.dumps(plain))


def test_each_rule() -> None:
    given = {"a": {"hardware": 90}, "b": {"hardware": 9}, "c": {"hardware": 1}}
    assert allocate(rules("equal"), given, "water", 100) == {"a": 34, "b": 33, "c": 33}
    assert allocate(rules("proportional"), given, "water", 1000) == {"a": 900, "b": 90, "c": 10}
    assert allocate(rules("floor", floor_share=0.125), given, "water", 800) == {"a": 600, "b": 100, "c": 100}
    claims = {"a": {"name": "A"}, "b": {"name": "B", "claim_kg": {"water": 0.0003}}, "c": {"name": "C"}}
    served = allocate(rules("priority", partners=claims, priority=["b"]), given, "water", 1000)
    assert served == {"a": 630, "b": 300 + 63, "c": 7}
    bids = [
        {"partner": "a", "commodity": "water", "amount_kg": 0.0005, "price_per_kg": 1.0},
        {"partner": "c", "commodity": "water", "amount_kg": 0.0008, "price_per_kg": 2.0},
    ]
    assert allocate(rules("auction", bids=bids), given, "water", 1000) == {"a": 200, "b": 0, "c": 800}
    assert allocate(rules("proportional"), {}, "water", 3) == {"a": 1, "b": 1, "c": 1}


@given(
    total=st.integers(0, 10**15),
    hours=st.lists(st.integers(0, 10**9), min_size=3, max_size=3),
    rule=st.sampled_from(["equal", "proportional", "floor", "priority", "auction"]),
    floor=st.floats(0, 0.5),
)
def test_shares_sum_to_the_total_and_keep_the_floor(total: int, hours: list[int], rule: str, floor: float) -> None:
    given_ = {name: {"hardware": amount} for name, amount in zip("abc", hours, strict=True)}
    shares = allocate(rules(rule, floor_share=floor), given_, "water", total)
    assert sum(shares.values()) == total
    assert min(shares.values()) >= 0
    if rule == "floor":
        assert min(shares["b"], shares["c"]) >= int(total * floor) - 1
    backwards = dict(reversed(list(given_.items())))
    assert allocate(rules(rule, floor_share=floor), backwards, "water", total) == shares


def test_ten_floors_of_a_tenth_are_the_whole() -> None:
    partners = {f"p{i}": {"name": "P", "developing": i < 10} for i in range(11)}
    shares = allocate(rules("floor", partners=partners, floor_share=0.1), {"p10": {"hardware": 5}}, "water", 9 * 10**18)
    assert shares["p10"] == 0
    assert {shares[f"p{i}"] for i in range(10)} == {9 * 10**17}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("rule: floor", "rule: fair"), "a.yaml:6:7: rule: read 'fair'"),
        (("floor_share: 0.2", "floor_share: 1.2"), "floor_share"),
        (("weights: {hardware: 1.0, energy: 0.01}", "weights: {}"), "read no weight above 0"),
        (("safety_zone_m: 50.0", "reserved_for: nobody"), "read nobody, expected one of the partners"),
    ],
)
def test_agreements_that_contradict_themselves(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    (tmp_path / "a.yaml").write_text(AGREEMENT.replace(*change))
    with pytest.raises(InputError) as error:
        load_agreement(tmp_path / "a.yaml")
    assert sentence in str(error.value)
