"""Missions, bodies, agreements and shape models of strangers: a child parses them, and each ends in a sentence."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile_files import OBJ_FILES, YAML_FILES
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from stope import confined
from stope.cli import app
from stope.ledger.agreement import load_agreement
from stope.mission import outside, outside_tasks, shape, shapefile, yamltree
from stope.mission.body import load_body
from stope.mission.errors import InputError
from stope.mission.missionfile import load_mission
from stope.mission.procedural import ellipsoid_mesh
from stope.mission.resolve import resolved_mission
from stope.mission.shapefile import load_obj
from stope.mission.shipped import data_root, shipped
from stope.mission.source import FileModel, read_tree, read_yaml
from stope.mission.yamltree import parse
from stope.mission.yamlwire import from_wire, to_wire

MISSION = (data_root() / "missions" / "bennu_core.yaml").read_text()
MAX_CPU_S, MAX_MB = 12.0, 400.0  # of which a pytest that has loaded much is the larger part


@pytest.fixture
def bounded() -> Iterator[None]:
    """Little processor time here and in children, and no child grew large."""

    def spent() -> float:
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    before, began = spent(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert spent() - before < MAX_CPU_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - began < MAX_MB * 1000
    grown_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - began
    assert grown_kb < MAX_MB * 1000


def refused(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 2, done.output
    assert all(letter.isprintable() or letter == "\n" for letter in done.output)
    assert len(done.output) < 25_000
    return done.output


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("name", YAML_FILES)
def test_hostile_yaml(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "hostile.yaml"
    file.write_bytes(YAML_FILES[name]())
    with pytest.raises(InputError, match=r"hostile\.yaml"):
        load_agreement(file)
    if file.stat().st_size < 2_000:  # the parser is the same, so what is slow is parsed once
        assert "hostile.yaml" in refused("check", file)
        assert "hostile.yaml" in refused("check", "bennu_core", "--body", file)
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.yaml"]


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("name", OBJ_FILES)
def test_hostile_shape_models(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "hostile.obj"
    file.write_bytes(OBJ_FILES[name]())
    said = refused("check", "bennu_core", "--body", file)
    assert said.startswith(str(file))
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.obj"]


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("size", [1 << 30, 1 << 40])
def test_files_of_a_gigabyte_and_a_terabyte(size: int, tmp_path: Path) -> None:
    for name, words in (("a.yaml", ["check", "{}"]), ("a.obj", ["check", "bennu_core", "--body", "{}"])):
        file = tmp_path / name
        with file.open("wb") as handle:
            handle.truncate(size)  # holes: nothing is on the disk
        assert "expected at most" in refused(*[word.format(file) for word in words])
    with pytest.raises(InputError, match="at most 64 MB"):  # a run looks at its digest before its triangles
        resolved_mission(load_mission("bennu_core"), load_body(tmp_path / "a.obj"))


@pytest.mark.parametrize("place", ["/dev/zero", "fifo.yaml", "fifo.obj", "circle.yaml"])
def test_what_is_no_file(place: str, tmp_path: Path) -> None:
    """A device never ends, a pipe never begins."""
    path = tmp_path / place
    if place.startswith("fifo"):
        os.mkfifo(path)
    elif place.startswith("circle"):
        path.symlink_to(path)
    if path.suffix != ".obj":
        refused("check", path)
        with pytest.raises(InputError):
            read_tree(path)
    refused("check", "bennu_core", "--body", path)


def test_what_a_mission_names_is_parsed_as_what_it_ought_to_be_and_no_value_of_it_is_shown(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root:x:0:0:root\npassword: hunter2\n")
    folder = tmp_path / "mission"
    folder.mkdir()
    (folder / "link.yaml").symlink_to(secret)
    for name in ("../secret", str(secret), "./link.yaml"):
        mission = folder / "mission.yaml"
        mission.write_text(MISSION.replace("body: bennu", f"body: {name}"))
        assert "hunter2" not in refused("check", mission)


@pytest.mark.parametrize("threads", ["one", "several"])
def test_a_child_parses_them_and_the_parent_agrees(
    threads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a fork and as an interpreter of its own: what is read outside is what is read at home."""
    monkeypatch.setattr(confined, "_has_one_thread", lambda: threads == "one")
    for name, file in {**shipped("mission"), **shipped("expedition")}.items():
        copy = tmp_path / file.name
        copy.write_bytes(file.read_bytes())
        here, there = read_tree(file), read_tree(copy)
        assert (here.data, here.keys, here.values) == (there.data, there.keys, there.values), name
        if threads == "several":
            break
    body = ellipsoid_mesh((250.0, 240.0, 220.0), roughness=0.1, seed=3, faces=1280)
    text = "".join(f"v {x!r} {y!r} {z!r}\n" for x, y, z in body.vertices.tolist())
    text += "".join(f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in body.faces.tolist())
    (tmp_path / "body.obj").write_text(text)
    mesh, at_home = load_obj(tmp_path / "body.obj"), shape.read_shape(tmp_path / "body.obj", "m")[0]
    assert (mesh.vertices == at_home.vertices).all()
    assert (mesh.faces == at_home.faces).all()


def test_the_parsers_do_not_run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()
    for module, name in ((outside_tasks, "grown"), (shape, "read_obj")):
        real = getattr(module, name)

        def elsewhere(*words: object, real: Callable[..., object] = real) -> object:
            assert os.getpid() != here
            return real(*words)

        monkeypatch.setattr(module, name, elsewhere)
    (tmp_path / "a.obj").write_bytes(OBJ_FILES["open"]())
    (tmp_path / "mission.yaml").write_text(MISSION)
    assert "open edges" in refused("check", tmp_path / "mission.yaml", "--body", tmp_path / "a.obj")


def test_what_came_with_stope_needs_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "confined", lambda *_words, **_more: pytest.fail("a child was started"))
    monkeypatch.setattr(outside, "confined", confined.confined)
    assert CliRunner().invoke(app, ["check", "bennu_core"]).exit_code == 0


def test_a_child_that_a_file_has_taken_over_says_nothing_that_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, mesh = tmp_path / "a.yaml", tmp_path / "a.obj"
    answers: list[object] = [
        b"", b"\xff", b"[]", b"{}", b'{"root": 1}', b'{"root": ["scalar", 1, 1, NaN]}', b"[" * 100_000,
        b'{"root": ["scalar", 1, 1, 1e999]}', b'{"root": ["scalar", "1", 1, 1]}', b'{"root": ["scalar", 1, 1, {}]}',
        b'{"root": ["list", 1, 1, {}]}', b'{"root": ["mapping", 1, 1, [[1, 1, 1, ["scalar", 1, 1, 1]]]]}',
        b'{"root": ["scalar", 1, 1, 99999999999999999999]}', b'{"refused": {"file": 1}}', b'{"refused": "x"}',
        b'{"root": ' + b'["list", 1, 1, [' * 300 + b"]]" * 300 + b"}",
    ]  # fmt: skip
    for answer in answers:
        monkeypatch.setattr(outside, "confined", lambda *_words, answer=answer, **_more: answer)
        with pytest.raises(InputError, match=r"a\.yaml"):
            read_tree(file)
    report = {
        "file": "a", "unit": "m", "vertices": 3, "faces": 1, "volume_m3": 1.0, "mean_radius_m": 1.0,
        "offset_m": [0, 0, 0],
    }  # fmt: skip
    corner = bytes(8) * 9
    for head, numbers in (
        (b"", b""),
        (json.dumps({"vertices": 3, "faces": 1}).encode(), corner + bytes(24)),
        (json.dumps({"vertices": -1, "faces": 1, "report": report}).encode(), corner + bytes(24)),
        (b'{"vertices": 1e999, "faces": 1}', corner + bytes(24)),
        (json.dumps({"vertices": 3, "faces": 2, "report": report}).encode(), corner + bytes(24)),
        (json.dumps({"vertices": 3, "faces": 1, "report": report}).encode(), corner + b"\xff" * 24),
        (json.dumps({"vertices": 3, "faces": 1, "report": report}).encode(), b"\x7f" * 72 + bytes(24)),
        (json.dumps({"vertices": 3, "faces": 1, "report": "x"}).encode(), corner + bytes(24)),
    ):
        monkeypatch.setattr(outside, "confined", lambda *_words, all_=head + b"\n" + numbers, **_more: all_)
        with pytest.raises(InputError, match=r"a\.obj"):
            load_obj(mesh)


def test_a_child_that_takes_too_much_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, mesh = tmp_path / "a.yaml", tmp_path / "a.obj"
    file.write_text("[" + "[]," * 9_000 + "]")
    mesh.write_bytes(b"#\n" * 5_000_000)
    monkeypatch.setattr(outside, "YAML_CEILING", confined.Ceiling(wall_s=0.02))
    assert "took more than 0.02 s and was given up" in refused("check", file)
    monkeypatch.setattr(shapefile, "CEILING", confined.Ceiling(memory_mb=4))
    assert "took more than 4 MB" in refused("check", "bennu_core", "--body", mesh)


class Anything(FileModel):
    """A file of any content below one key."""

    a: object


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=40)
@given(JSON)
def test_the_wire_carries_every_tree(value: object) -> None:
    root = yamltree.grown(json.dumps(value), "x")
    assert root is not None
    assert from_wire(json.loads(json.dumps(to_wire(root)))) == root


@settings(max_examples=60)
@given(JSON)
def test_any_answer_is_a_node_or_refused(value: object) -> None:
    try:
        node = from_wire(value)
    except ValueError:
        return
    assert to_wire(node) == value


def test_no_tag_is_obeyed_in_an_override(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused("check", "bennu_core", "--set", "name=!!python/object/apply:os.system [touch stolen]")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="the tag"):
        parse("!!python/object/apply:os.system ['x']", "x")
    (tmp_path / "a.yaml").write_text("a: !!set {x}")
    with pytest.raises(InputError, match="the tag"):
        read_yaml(tmp_path / "a.yaml", Anything)
