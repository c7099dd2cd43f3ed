"""The way in for orders: those given beforehand, and the file that `stope operate` writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stope.executive.operator import Operator, Order
from stope.mission.errors import InputError
from stope.session.orders import ANSWERS, LOOK_US, ORDERS, OrderBox, give_order, read_answers


def test_orders_beforehand_come_in_their_time(tmp_path: Path) -> None:
    box = OrderBox(("resume@20", "pause@10.5"), None)
    assert box.due(10_400_000) == []
    assert [order.verb for order in box.due(10_500_000)] == ["pause"]
    assert [order.verb for order in box.due(99_000_000)] == ["resume"]
    assert box.due(999_000_000) == []


@pytest.mark.parametrize("text", ["pause", "pause@", "launch@3", "pause@-1", "pause@nan", "pause@1e99", "@"])
def test_an_order_that_is_none_is_told(text: str) -> None:
    with pytest.raises(InputError, match="--order"):
        OrderBox((text,), None)


def test_what_is_ordered_from_outside_is_heard_once_and_answered(tmp_path: Path) -> None:
    box = OrderBox((), tmp_path)
    assert box.due(0) == []
    assert not box.present
    give_order(tmp_path, "pause", "Ada", "dust on the lens")
    assert box.due(LOOK_US - 1) == []
    (order,) = box.due(LOOK_US)
    assert order == Order("pause", LOOK_US, "Ada", "dust on the lens")
    assert box.due(2 * LOOK_US) == []
    operator = Operator()
    operator.take(order, "drill")
    box.answer(operator.answers)
    box.answer(operator.answers)
    (answer,) = read_answers(tmp_path)
    assert (answer["accepted"], answer["sentence"]) == (True, "pause accepted during drill")
    assert box.present


def test_a_line_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    box, line = OrderBox((), tmp_path), json.dumps({"verb": "abort"})
    file = tmp_path / ORDERS
    file.write_text(line[:5])
    assert box.due(0) == []
    file.write_text(line + "\n")
    assert [order.verb for order in box.due(LOOK_US)] == ["abort"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.integers(0, 3))
def test_nonsense_is_answered_and_does_nothing(tmp_path: Path, junk: bytes, copies: int) -> None:
    for name in (ORDERS, ANSWERS):
        (tmp_path / name).unlink(missing_ok=True)
    nested = b"[" * 5000 + b"\n"
    body = junk.replace(b"{", b"(") * copies + b"\n" + nested + b'{"verb": ["pause"]}\n{"verb": "launch"}\n'
    (tmp_path / ORDERS).write_bytes(body + b'{"verb": "pause"}\n')
    box, found = OrderBox((), tmp_path), []
    for look in range(5):
        found += box.due(look * LOOK_US)
    assert [order.verb for order in found] == ["pause"]
    box.answer([])
    told = read_answers(tmp_path)
    assert len(told) >= 3
    assert not any(answer["accepted"] for answer in told)


def test_a_flood_is_read_a_little_at_a_time(tmp_path: Path) -> None:
    box = OrderBox((), tmp_path)
    (tmp_path / ORDERS).write_bytes(b"x" * 400_000 + b"\n" + b'{"verb": "pause"}\n' * 20_000)
    most = max(len(box.due(look * LOOK_US)) for look in range(40))
    assert most < 5000
    assert sum(len(box.due((40 + look) * LOOK_US)) for look in range(40)) == 0


def test_no_run_no_order(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stope operate"):
        give_order(tmp_path / "nothing", "pause", "Ada", "")
