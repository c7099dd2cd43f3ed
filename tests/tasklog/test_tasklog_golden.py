"""Logs of every version of the format stay readable, with the same content and a seal that still verifies."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from stope.tasklog.conform import check
from stope.tasklog.digest import payload_digest
from stope.tasklog.reader import read
from stope.tasklog.recover import recover
from stope.tasklog.seal.dsse import load_envelope
from stope.tasklog.seal.policy import load_policy
from stope.tasklog.seal.verify import verify

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.mcap"))


def test_there_is_one_for_the_version_in_use() -> None:
    assert [path.stem for path in GOLDEN] == ["v1"]


@pytest.mark.parametrize("log", GOLDEN, ids=lambda path: path.stem)
def test_golden(log: Path, tmp_path: Path) -> None:
    expected = json.loads(log.with_suffix(".expected.json").read_text())
    found = list(read(log))
    assert Counter(row.topic for row in found) == expected["counts"]
    assert all(row.message is not None for row in found)
    assert payload_digest(log).total == expected["digest"]
    assert check(log).findings == []
    seal, policy = load_envelope(log.with_name(log.name + ".seal.json")), load_policy(log.with_suffix(".policy.json"))
    outcome = verify(log, seal, policy)
    assert outcome.good
    assert outcome.file_identical
    assert outcome.checkpoints.count >= 1
    observation = next(row.message for row in found if row.topic == "/robot/observation")
    assert list(observation.anchor_phase) == [2, 3]
    assert recover(log, tmp_path / "copy.mcap").complete
    assert verify(tmp_path / "copy.mcap", seal, policy).good
