"""The kept corpus of hostile logs, on every reader: an answer or one sentence, no other exception, no draft left."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hostile_corpus import FILES, MIB
from log_readers import READERS

from stope.tasklog import TaskLogError


@pytest.mark.parametrize("name", FILES)
def test_replay(name: str, tmp_path: Path) -> None:
    content = FILES[name]()
    assert len(content) < 40_000
    path = tmp_path / "hostile.mcap"
    path.write_bytes(content)
    sentences: list[str] = []
    tracemalloc.start()
    for reader in READERS:
        out = tmp_path / reader.__name__
        out.mkdir()
        try:
            reader(path, out)
        except TaskLogError as error:
            sentences.append(str(error))  # whether it is refused differs by reader
        written = [found for found in tmp_path.rglob("*") if found.is_file()]
        assert not [found for found in written if found.name.endswith((".part", ".new"))]
        assert all(found == path or found.is_relative_to(out.parent) for found in written)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not [sentence for sentence in sentences if "\n" in sentence]
    assert peak < 100 * MIB, f"{peak / MIB:.0f} MiB"


def test_the_corpus_is_small() -> None:
    assert sum(len(make()) for make in FILES.values()) < 250_000
