"""Strangers read our logs: the mcap package, and Rerun (Rust). Counts are compared, never exit codes alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest
from mcap.reader import NonSeekingReader, make_reader
from mcap_protobuf.decoder import DecoderFactory
from sample_log import COUNTS, Sample, sample_messages

EXPECTED = COUNTS | {"/recorder/stats": 1}
BACKENDS = ("foxglove", "python")
DOCS = Path(__file__).parents[2] / "docs" / "format" / "reading.md"


@pytest.mark.parametrize("backend", BACKENDS)
def test_mcap_package(write_sample: Sample, backend: str) -> None:
    path = write_sample(backend=backend)
    with path.open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True, decoder_factories=[DecoderFactory()])
        summary = reader.get_summary()
        decoded = list(reader.iter_decoded_messages(log_time_order=False))
        attachments = {a.name: a.data for a in reader.iter_attachments()}
        metadata = {m.name: m.metadata for m in reader.iter_metadata()}
    assert summary is not None
    assert summary.statistics is not None
    indexed = {summary.channels[c].topic: n for c, n in summary.statistics.channel_message_counts.items()}
    assert indexed == Counter(d.channel.topic for d in decoded) == EXPECTED
    theirs = [d.decoded_message.SerializeToString() for d in decoded if d.channel.topic != "/recorder/stats"]
    assert theirs == [message.SerializeToString() for _, message, _ in sample_messages()]
    observation = next(d for d in decoded if d.channel.topic == "/robot/observation")
    assert observation.channel.metadata["unit.joint_position"] == "{joint}"
    assert attachments["mission.resolved.json"] == b'{"name": "bennu_core"}'
    assert metadata["stope.run"]["licence"] == "CC-BY-4.0"
    assert summary.chunk_indexes
    assert all(index.message_index_offsets for index in summary.chunk_indexes)


@pytest.mark.parametrize("backend", BACKENDS)
def test_mcap_package_reads_what_a_cut_left(write_sample: Sample, backend: str) -> None:
    path = write_sample(backend=backend)
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"\x04\x00\x00\x00zstd") + 20])
    found = []
    with path.open("rb") as stream:
        messages = NonSeekingReader(stream, validate_crcs=True).iter_messages(log_time_order=False)
        with pytest.raises(Exception, match=r"^$|unpack|requires"):  # it never says "truncated"
            found.extend(channel.topic for _, channel, _ in messages)
    assert found[:2] == ["/terrain", "/log"]


def _rerun() -> str:
    found = shutil.which("rerun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip("rerun-sdk (extra `test`) is not installed")
    return found


def _run(home: Path, *arguments: str | Path) -> str:
    """Rerun's command line with its analytics off, in a home of its own."""
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "NO_COLOR": "1"}
    done = subprocess.run(
        [_rerun(), *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("backend", BACKENDS)
def test_rerun(write_sample: Sample, tmp_path: Path, backend: str) -> None:
    path, rrd = write_sample(backend=backend), tmp_path / "log.rrd"
    _run(tmp_path, "analytics", "disable")
    assert set(re.findall(r"^ok .* (/\S+) .*—$", _run(tmp_path, "mcap", "check", path), re.M)) == EXPECTED.keys()
    _run(tmp_path, "mcap", "convert", path, "-o", rrd)
    rows: Counter[str] = Counter()
    columns: dict[str, set[str]] = {}
    pattern = r"^Chunk\(\w+\) with (\d+) rows .* - (/\S+) - data columns: \[(.*)\]$"
    for count, entity, names in re.findall(pattern, _run(tmp_path, "rrd", "print", rrd), re.M):
        if not entity.startswith("/__mcap") and "McapChannel" not in names:
            rows[entity] += int(count)
            columns.setdefault(entity, set()).update(names.split())
    assert rows == EXPECTED
    assert "Points3D:positions" in columns["/terrain"]  # drawn, not only stored
    assert "InstancePoses3D:translations" in columns["/robot/pose"]
    assert columns["/robot/observation"] == {"stope.log.v1.RobotObservation:message"}


@pytest.mark.parametrize("index", [0, 1])
def test_the_snippets_of_the_docs_run(
    write_sample: Sample, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], index: int
) -> None:
    monkeypatch.chdir(write_sample("bennu_core.mcap").parent)
    snippets = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S)
    assert len(snippets) == 2
    exec(compile(snippets[index], str(DOCS), "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == COUNTS["/robot/observation"]


PACKAGES = ("@mcap/core@2", "@mcap/nodejs@1", "@mcap/support@1")


@pytest.fixture(scope="session")
def node_packages(request: pytest.FixtureRequest) -> Path:
    """@mcap/core and friends in the test cache: fetched once."""
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("mcap-node")
    npm = shutil.which("npm")
    if not (folder / "node_modules" / "@mcap" / "support").is_dir():
        if npm is None:
            _loudly("npm is not installed")
        (folder / "package.json").write_text("{}")
        call = [str(npm), "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
        try:
            subprocess.run(call, cwd=folder, check=True, capture_output=True, timeout=120)
        except subprocess.SubprocessError as error:
            _loudly(f"npm could not fetch {', '.join(PACKAGES)} ({type(error).__name__})")
    return Path(folder)


def _loudly(why: str) -> NoReturn:
    warnings.warn(f"{why}: logs were not read with it", UserWarning, stacklevel=2)
    pytest.skip(why)


@pytest.mark.filterwarnings("default::UserWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_mcap_core_on_node(write_sample: Sample, node_packages: Path, backend: str) -> None:
    """The TypeScript reader, which refuses chunks without a message index; decoded by protobufjs."""
    script = Path(__file__).with_name("mcap_counts.mjs")
    call = ["node", str(script), str(write_sample(backend=backend)), str(node_packages)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said == {"indexed": EXPECTED, "streamed": EXPECTED, "decoded": EXPECTED, "done": True}


@pytest.mark.filterwarnings("default::UserWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_pymcap_doctor(write_sample: Sample, backend: str) -> None:
    """The strictest check of the container that there is (GPL-3.0: a program beside ours, never imported)."""
    program = shutil.which("pymcap-cli", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        _loudly("pymcap-cli is not installed")
    path = write_sample(backend=backend)
    done = subprocess.run([str(program), "doctor", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(EXPECTED.values())} messages" in " ".join(done.stdout.split())
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 3] ^= 1
    path.write_bytes(whole)
    assert subprocess.run([str(program), "doctor", str(path)], capture_output=True, timeout=60).returncode != 0
