"""The journal: signed, chained, one writer at a time, safe to be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_story import KEYS, Books

from stope.ledger.entry import move
from stope.ledger.journal import load
from stope.mission.errors import InputError


def test_a_changed_or_missing_line_breaks_the_chain(running: Books) -> None:
    whole = running.path.read_bytes().splitlines(keepends=True)
    for changed in (whole[:1] + whole[2:], whole[1:], [whole[1], whole[0], *whole[2:]], [*whole, whole[0]]):
        running.path.write_bytes(b"".join(changed))
        with pytest.raises(InputError, match="a line was changed or taken out"):
            load(running.path, running.policy)
    line = json.loads(whole[2])
    line["payload"] = line["payload"][:-8] + "AAAA" + line["payload"][-4:]
    running.path.write_bytes(b"".join([*whole[:2], json.dumps(line).encode() + b"\n"]))
    with pytest.raises(InputError, match=r"books\.jsonl:3: "):
        load(running.path, running.policy)


def test_cut_at_every_byte_of_the_last_entry(running: Books) -> None:
    whole = running.path.read_bytes()
    last = whole.rindex(b"\n", 0, len(whole) - 1) + 1
    entries = whole.count(b"\n")
    for size in range(last, len(whole), 37):
        running.path.write_bytes(whole[:size])
        found = load(running.path, running.policy)
        assert (len(found.lines), found.torn) == (entries - 1, size - last)
    running.path.write_bytes(whole[: last + 100])
    running.post("adjust", postings=move("regolith", "container:c7", "loss:spill", 1))
    assert len(load(running.path, running.policy).lines) == entries


_MANY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ledger_story import AT, KEYS
from stope.ledger.entry import move
from stope.ledger.journal import append
from stope.tasklog.seal.policy import load_policy
path = Path(sys.argv[1])
for i in range(8):
    postings = move("water", "adjustment:n", "container:c", 1)
    fields = dict(at=AT, organisation=sys.argv[3], kind="adjust", postings=postings)
    append(path, load_policy(path.with_name("p.json")), KEYS[sys.argv[3]], fields)
"""


def test_two_writers_wait_for_each_other(books: Books) -> None:
    books.path.with_name("p.json").write_bytes(books.policy.payload)
    here = str(Path(__file__).parent)
    commands = [[sys.executable, "-c", _MANY, str(books.path), here, name] for name in KEYS]
    children = [subprocess.Popen(command, env=dict(os.environ)) for command in commands]
    assert [child.wait(timeout=60) for child in children] == [0, 0]
    assert len(load(books.path, books.policy).lines) == 16
    assert books.amount("container:c", "water") == 16
