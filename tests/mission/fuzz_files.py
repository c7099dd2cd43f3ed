"""Coverage-guided fuzzing of the parsers of YAML files, shape models and robots with atheris; see `test_fuzzing.py`.

Run: python hostile_files.py SEEDS; python fuzz_files.py -max_total_time=600 FOUND SEEDS. What it finds becomes a file
of `hostile_files`, which the tests replay. The parsers run in this process, without their child: a finding is theirs.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["stope.mission", "stope.robot.urdf"]):
    from stope.ledger.agreement import Agreement
    from stope.mission.body import Body
    from stope.mission.errors import InputError
    from stope.mission.missionfile import Mission
    from stope.mission.shape import read_shape
    from stope.mission.source import validate
    from stope.mission.yamltree import grown, planted
    from stope.mission.yamlwire import from_wire, plain_json, to_wire
    from stope.robot.urdf import read_urdf

FOLDER = Path(tempfile.mkdtemp(prefix="stope-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


def one(data: bytes) -> None:
    """Any exception but ours is a finding, and so is a tree that its way from the child has changed."""
    _yaml(data)
    for name, read in (("fuzzed.obj", lambda path: read_shape(path, "m")), ("fuzzed.urdf", read_urdf)):
        path = FOLDER / name
        path.write_bytes(data)
        _refusable(lambda read=read, path=path: read(path))


def _yaml(data: bytes) -> None:
    try:
        root = grown(data.decode("utf-8", errors="replace"), "fuzzed.yaml")
        tree = planted(root, "fuzzed.yaml")
    except InputError:
        return
    if root is not None:
        assert from_wire(plain_json(json.dumps(to_wire(root)).encode())) == root
    for schema in (Mission, Body, Agreement):
        _refusable(lambda schema=schema: validate(tree, schema))
    with contextlib.suppress(ValueError):
        from_wire(plain_json(data))


def _refusable(work: Callable[[], object]) -> None:
    try:
        work()
    except InputError as error:
        str(error)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
