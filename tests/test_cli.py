"""The command: what it prints, what it returns, what it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from stope.cli import app
from stope.mission.shipped import data_root, shipped
from stope.session.request import RunRequest

RUN = CliRunner()


def stope(*arguments: str) -> tuple[int, str, str]:
    result = RUN.invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@dataclass
class FakeOutcome:
    exit_code: int


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stands in for the session room, which has its own tests: what the command asks of it, and what it answers."""
    calls: dict[str, Any] = {"exit_code": 0, "error": None}

    def run_mission(request: RunRequest) -> FakeOutcome:
        calls["request"] = request
        if calls["error"] is not None:
            raise calls["error"]
        return FakeOutcome(calls["exit_code"])

    def print_outcome(outcome: FakeOutcome, json: bool, quiet: bool) -> None:
        calls["printed"] = (outcome.exit_code, json, quiet)

    run, outcome = types.ModuleType("stope.session.run"), types.ModuleType("stope.session.outcome")
    run.run_mission = run_mission
    outcome.print_outcome = print_outcome
    monkeypatch.setitem(sys.modules, "stope.session.run", run)
    monkeypatch.setitem(sys.modules, "stope.session.outcome", outcome)
    monkeypatch.setattr("stope.session.robot_choice.check_robot", lambda request: None)  # see test_robot_choice
    return calls


def test_help_and_lists_import_neither_simulator_nor_dynamics() -> None:
    program = (
        "import sys; from stope.cli import app\n"
        "try: app({arguments}, prog_name='stope')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {{'numpy', 'pybullet', 'pinocchio', 'daqp', 'mcap', 'rich'}} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    for arguments in (["--help"], ["run", "--help"], ["missions"], ["bodies"], ["materials"]):
        done = subprocess.run(
            [sys.executable, "-c", program.format(arguments=arguments)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_help_is_plain_text_with_examples() -> None:
    code, out, _ = stope("run", "--help")
    assert code == 0
    assert "  stope run my_mission.yaml --set tasks.drill.depth_m=0.05 --seed 7\n" in out
    assert not set(out) & set("│╭─╰\x1b")


def test_run_without_options_asks_for_the_defaults(
    session: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert stope("run", "bennu_core") == (0, "", "")
    assert session["request"] == RunRequest(mission="bennu_core", out=Path("runs/bennu_core"))
    assert session["printed"] == (0, False, False)
    (tmp_path / "runs" / "bennu_core").mkdir(parents=True)
    (tmp_path / "runs" / "bennu_core-2").mkdir()
    stope("run", "bennu_core")
    assert session["request"].out == Path("runs/bennu_core-3")


def test_run_passes_every_option_on(session: dict[str, Any], tmp_path: Path) -> None:
    code, _, _ = stope(
        "run", "a/b.yaml", "--body", "x.obj", "--body-unit", "km", "--robot", "rover", "--seed", "7",
        "--anchors", "none", "--inject", "anchors.lost@drill", "--inject", "link.lost@anchor",
        "--set", "seed=1", "--set", "a.b=c=d",
        "--out", str(tmp_path), "--no-video", "--json", "--quiet",
    )  # fmt: skip
    assert code == 0
    assert session["request"] == RunRequest(
        mission="a/b.yaml", body="x.obj", body_unit="km", robot="rover", seed=7, anchors="none",
        inject=("anchors.lost@drill", "link.lost@anchor"), overrides=("seed=1", "a.b=c=d"), out=tmp_path,
        video=False, progress=False,
    )  # fmt: skip
    assert session["printed"] == (0, True, True)


def test_the_exit_code_is_the_verdict(session: dict[str, Any]) -> None:
    for code in (0, 1, 3):
        session["exit_code"] = code
        assert stope("run", "bennu_core")[0] == code


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConnectionError("the device says limits 1234, expected 5678"), 3, "stope: robot: the device says limits 1234"),
        (TimeoutError("no frame for 0.2 s"), 3, "stope: robot: no frame for 0.2 s"),
        (ModuleNotFoundError("No module named 'pybullet'", name="pybullet"), 2, "pip install 'stope[sim]'"),
        (KeyboardInterrupt(), 130, "stope: interrupted"),
        (ZeroDivisionError("division by zero"), 4, "stope: internal error: ZeroDivisionError: division by zero"),
        (ModuleNotFoundError("No module named 'stope.x'", name="stope.x"), 4, "internal error"),
    ],
)
def test_every_end_is_one_sentence_and_a_code(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str
) -> None:
    monkeypatch.delenv("STOPE_DEBUG", raising=False)
    session["error"] = error
    got, out, err = stope("run", "bennu_core")
    assert (got, out) == (code, "")
    assert words in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_debug_shows_where_it_broke(session: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOPE_DEBUG", "0")  # restored afterwards, though --debug sets it
    session["error"] = ZeroDivisionError("division by zero")
    code, _, err = stope("--debug", "run", "bennu_core")
    assert code == 4
    assert "Traceback (most recent call last)" in err
    assert "in run_mission" in err


def test_a_log_error_is_input_not_a_bug(session: dict[str, Any]) -> None:
    from stope.tasklog.errors import DamagedLogError

    session["error"] = DamagedLogError("x.mcap: the checksum of chunk 3 is wrong")
    assert stope("run", "bennu_core") == (2, "", "x.mcap: the checksum of chunk 3 is wrong\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run",), "Missing argument 'MISSION'"),
        (("run", "x", "--inject", "anchors.lost"), "--inject: read 'anchors.lost', expected FAULT@TASK"),
        (("run", "x", "--anchors", "some"), "Invalid value for '--anchors'"),
        (("run", "x", "--seed", "-1"), "Invalid value for '--seed'"),
        (("run", "x", "--sed", "1"), "--seed"),
        (("runn", "x"), "run"),
        (("check", "benu_core"), "expected a shipped mission (did you mean 'bennu_core'?) or the path of a file"),
        (("check", "no/such.yaml"), "no/such.yaml: read no such file"),
        (("check", "bennu_core", "--set", "tasks.drill.depth_m=40 mm"), "write metres as a plain number, 0.04"),
        (("check", "bennu_core", "--set", "robot=bench_rig"), "a task that bench_rig has the tool for"),
        (("check", "bennu_core", "--body", "none.obj"), "none.obj: read no such file"),
        (("schema", "misson"), "'mission'"),
        (("log", "info", "no.mcap"), "no.mcap: read no such file, expected a task log"),
        (("log", "export", "no.mcap", "--csv", "d"), "no.mcap: read no such file, expected a task log"),
    ],
)
def test_wrong_usage_and_input_end_with_2(arguments: tuple[str, ...], words: str) -> None:
    code, out, err = stope(*arguments)
    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.parametrize("name", sorted(shipped("mission")))
def test_check_passes_what_is_shipped(name: str) -> None:
    code, out, err = stope("check", name)
    assert (code, err) == (0, "")
    assert out.startswith(f"{name}: good; ")
    code, out, _ = stope("check", name, "--json")
    document = json.loads(out)
    assert document["mission"]["name"] == name
    site = document["mission"]["site"]
    below = {layer["material"] for layer in site["layers"]}
    assert set(document["materials"]) == {site["rock"], site["cover"], *below}
    assert len(document["robot"]["limits_sha256"]) == len(document["sha256"]) == 64


def test_check_reads_the_shape_model(tmp_path: Path) -> None:
    file = tmp_path / "rock.obj"
    closed = "v 0 0 0\nv 100 0 0\nv 0 100 0\nv 0 0 100\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
    file.write_text(closed)
    code, out, _ = stope("check", "bennu_core", "--body", str(file))
    assert code == 0
    assert "assumed: density 2000 kg/m3" in out
    file.write_text(closed.rsplit("f", 1)[0])
    assert stope("check", "bennu_core", "--body", str(file))[0] == 2
    (tmp_path / "bennu.obj").write_text(closed)
    code, _, err = stope("check", "bennu_core", "--body", str(tmp_path / "bennu.obj"))
    assert code == 2
    assert "expected 1190 kg/m3" in err


@pytest.mark.parametrize("kind", ["mission", "body", "material", "robot"])
def test_schemas_are_json_schema_and_know_the_shipped_files(kind: str) -> None:
    code, out, _ = stope("schema", kind)
    assert code == 0
    schema = json.loads(out)
    assert schema["additionalProperties"] is False
    from ruamel.yaml import YAML

    for file in shipped(kind).values():
        data = YAML(typ="safe", pure=True).load(file.read_text())
        assert set(data) <= set(schema["properties"])
        assert set(schema["required"]) <= set(data)


def test_the_schema_of_a_distribution_allows_a_plain_number() -> None:
    schema = json.loads(stope("schema", "material")[1])
    assert {"type": "number", "minimum": 0} in schema["$defs"]["Distribution"]["anyOf"]


def test_lists_name_everything_that_is_shipped() -> None:
    for command, kind in (("missions", "mission"), ("bodies", "body"), ("materials", "material"), ("robots", "robot")):
        code, out, _ = stope(command)
        assert code == 0
        assert [line.split()[0] for line in out.splitlines()] == list(shipped(kind))
        listed = TypeAdapter(dict[str, str]).validate_json(stope(command, "--json")[1])
        assert list(listed) == list(shipped(kind))


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    from stope.tasklog import RunHeader, TaskLogWriter, new

    header = RunHeader(
        stope_version="0.1.0", seed=7, mission="bennu_core", mission_json="{}", robot="miner", limits_hash="ab" * 32,
        robot_json=json.dumps({"joints": [], "limbs": []}), body="bennu", licence="CC-BY-4.0", team="us",
    )  # fmt: skip
    with TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=1_803_902_400_000_000_000) as log:
        for second in range(3):
            log.write("/log", new("/log", message=f"second {second}"), second * 1_000_000)
    return tmp_path / "log.mcap"


def test_log_info_says_what_is_in_it_and_whether_it_is_whole(log_file: Path) -> None:
    code, out, _ = stope("log", "info", str(log_file))
    assert code == 0
    assert "bennu_core" in out
    code, out, _ = stope("log", "info", str(log_file), "--json")
    info = json.loads(out)
    assert {topic["topic"]: topic["count"] for topic in info["topics"]}["/log"] == 3
    log_file.write_bytes(log_file.read_bytes()[:-40])
    code, out, _ = stope("log", "info", str(log_file))
    assert code == 1
    assert "NOT COMPLETE" in out
    log_file.write_bytes(b"no log at all")
    code, out, err = stope("log", "info", str(log_file))
    assert (code, out) == (2, "")
    assert str(log_file) in err


def test_log_export_writes_tables_and_names_them(log_file: Path, tmp_path: Path) -> None:
    code, out, _ = stope("log", "export", str(log_file), "--csv", str(tmp_path / "tables"), "--topic", "/log")
    assert code == 0
    (table,) = (Path(line) for line in out.splitlines())
    assert table.parent == tmp_path / "tables"
    assert sum("second " in line for line in table.read_text().splitlines()) == 3
    code, _, err = stope("log", "export", str(log_file), "--csv", str(tmp_path), "--topic", "/nothing")
    assert code == 2
    assert "/nothing" in err


def test_version_is_one_line() -> None:
    from stope import __version__

    assert stope("--version") == (0, f"stope {__version__}\n", "")


def test_the_installed_script_works_outside_the_checkout(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("stope")
    done = subprocess.run(
        [script, "check", "bennu_core"], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(tmp_path.iterdir())


def test_installed_data_is_found_before_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import stope as package

    worlds = tmp_path / "stope" / "_data" / "sim_worlds"
    worlds.mkdir(parents=True)
    monkeypatch.setattr(package, "__file__", str(tmp_path / "stope" / "__init__.py"))
    data_root.cache_clear()
    try:
        assert data_root() == worlds
    finally:
        data_root.cache_clear()
