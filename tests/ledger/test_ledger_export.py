"""Other programs add up the books and come to the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from ledger_story import Books

from stope.ledger.entry import move
from stope.ledger.export import export
from stope.ledger.journal import load


def need(program: str) -> str:
    found = shutil.which(program, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        warnings.warn(f"{program} is not installed: the ledger was not added up with it", UserWarning, stacklevel=2)
        pytest.skip(f"{program} is not installed")
    return found


@pytest.mark.filterwarnings("default::UserWarning")
@pytest.mark.parametrize(
    ("dialect", "command"),
    [("hledger", ["hledger", "-f", "{file}", "check", "--strict"]), ("beancount", ["bean-check", "{file}"])],
)
def test_other_programs_add_up_the_same(running: Books, tmp_path: Path, dialect: Any, command: list[str]) -> None:
    program = need(command[0])
    number = running.post("transfer", postings=move("regolith", "stock:ours", "stock:theirs", 10), memo='a "memo"; x')
    running.post("accept", "theirs", refers_to=number)
    text = export(load(running.path, running.policy), dialect)
    file = tmp_path / f"books.{dialect}"
    file.write_text(text)
    call = [program, *(part.format(file=file) for part in command[1:])]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    stated = running.amount("stock:theirs")
    file.write_text(text.replace(str(stated), str(stated + 1)))
    assert subprocess.run(call, capture_output=True, text=True).returncode != 0


def test_export_is_the_same_every_time(running: Books) -> None:
    text = export(load(running.path, running.policy), "hledger")
    assert text == export(load(running.path, running.policy), "hledger")
    assert "Income:Site:North" in text
    assert '-5040001 "regolith mg"' in text
