"""Exchange: folder, S3 (moto) and a web server; concurrent pushers, kills, rewritten history, hostile commits."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sample_log import Sample

from stope.tasklog import TaskLogError
from stope.tasklog.exchange.commits import claim, commit_path, commits, object_path
from stope.tasklog.exchange.crate import pack
from stope.tasklog.exchange.search import catalogue_tables
from stope.tasklog.exchange.share import local_name, pull, push, verify_store
from stope.tasklog.exchange.store import Store
from stope.tasklog.query.sql import query
from stope.tasklog.seal.dsse import load_envelope
from stope.tasklog.seal.keys import PrivateKey
from stope.tasklog.seal.statement import Claims, seal

AT = "2027-01-15T12:00:00Z"
KEY = PrivateKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
OTHER = PrivateKey(Ed25519PrivateKey.from_private_bytes(b"o" * 32))
POLICY = {
    "format": "stope.policy/1",
    "version": 1,
    "organisations": {"ours": {"name": "Ours", "keys": [{"public": KEY.public.text, "roles": ["seal"]}]}},
}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """moto's S3 on a free port of this machine."""
    server_module = pytest.importorskip("moto.server")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    before = dict(os.environ)
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true",
    }  # fmt: skip
    boto3 = pytest.importorskip("boto3")
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1").create_bucket(Bucket="logs")
    yield "s3://logs"
    os.environ.clear()
    os.environ.update(before)
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "store")
    return f"{request.getfixturevalue('s3')}/{uuid.uuid4().hex}"


def sealed(write_sample: Sample, seed: int) -> Path:
    log = write_sample(f"run{seed}.mcap", seed=seed)
    log.with_name(log.name + ".seal.json").write_text(seal(log, KEY, Claims(AT)).to_json())
    return log


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(POLICY))
    return path


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_push_and_pull(where: str, write_sample: Sample, tmp_path: Path, policy: Path) -> None:
    logs = [sealed(write_sample, seed) for seed in range(2)]
    store = Store(where, create=True)
    done = push(store, logs, AT)
    assert (done.commit, done.uploaded, done.present) == (1, 2, 0)
    assert push(store, logs, AT).commit == 0
    first = pull(store, tmp_path / "theirs", policy=policy)
    assert (len(first.taken), first.refused, first.head) == (2, [], 1)
    for log, copy in zip(logs, first.taken, strict=True):
        assert copy.read_bytes() == log.read_bytes()
        assert copy.with_name(copy.name + ".seal.json").exists()
    assert push(store, [sealed(write_sample, 2)], AT).commit == 2
    again = pull(store, tmp_path / "theirs", policy=policy)
    assert (len(again.taken), again.present, again.head) == (1, 0, 2)
    assert verify_store(store) == []
    answer = query(
        "select l.name, t.count from logs l join topics t using (sha256) where t.topic = '/mass/parcel' order by 1",
        catalogue_tables(store),
    )
    assert answer.rows == [("run0.mcap", 8), ("run1.mcap", 8), ("run2.mcap", 8)]
    some = pull(store, tmp_path / "some", wanted=lambda row: row["name"] == "run1.mcap")
    assert [path.name.startswith("run1") for path in some.taken] == [True]


def test_what_does_not_verify_is_refused_and_leaves_nothing(write_sample: Sample, tmp_path: Path, policy: Path) -> None:
    good, bad, bare = sealed(write_sample, 0), sealed(write_sample, 1), write_sample("bare.mcap", seed=5)
    bad.with_name(bad.name + ".seal.json").write_bytes(good.with_name(good.name + ".seal.json").read_bytes())
    store = Store(str(tmp_path / "store"), create=True)
    push(store, [good, bad, bare], AT)
    found = pull(store, tmp_path / "in", policy=policy)
    assert [path.name[:4] for path in found.taken] == ["run0"]
    assert len(found.refused) == 2
    assert any("it has no seal" in reason for reason in found.refused)
    assert {path.name for path in (tmp_path / "in").iterdir()} == {
        found.taken[0].name,
        found.taken[0].name + ".seal.json",
    }
    assert len(pull(store, tmp_path / "in", policy=policy).refused) == 2  # looked at again, since they were refused
    assert len(pull(store, tmp_path / "all").taken) == 3  # without a policy the digest alone decides


def test_a_countersigned_seal_reaches_those_who_have_the_log(
    write_sample: Sample, tmp_path: Path, policy: Path
) -> None:
    log = sealed(write_sample, 0)
    store, folder = Store(str(tmp_path / "store"), create=True), tmp_path / "in"
    push(store, [log], AT)
    [copy] = pull(store, folder, policy=policy).taken
    path, here = log.with_name(log.name + ".seal.json"), copy.with_name(copy.name + ".seal.json")
    ours = load_envelope(path)
    path.write_text(ours.signed(OTHER).to_json())
    push(store, [log], AT)
    assert pull(store, folder).resealed == [copy]
    assert load_envelope(here) == load_envelope(path)
    path.write_text(ours.to_json())  # one with fewer signatures, as the first was
    push(store, [log], AT)
    assert pull(store, folder).resealed == []
    path.write_text(seal(log, OTHER, Claims(AT)).to_json())  # another statement about the same log
    push(store, [log], AT)
    assert pull(store, folder).resealed == []
    assert len(load_envelope(here).signatures) == 2


def test_a_log_that_grows_while_it_is_pushed_is_told(
    write_sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write_sample("a.mcap")
    store = Store(str(tmp_path / "store"), create=True)
    whole = Store.create

    def slow(self: Store, path: str, data: bytes | Path) -> bool:
        if data == log:
            log.write_bytes(log.read_bytes() + b"more")
        return whole(self, path, data)

    monkeypatch.setattr(Store, "create", slow)
    with pytest.raises(TaskLogError, match="was changed while it was pushed"):
        push(store, [log], AT)
    assert list(commits(store)) == []


def test_a_log_larger_than_the_disk_is_not_begun(
    write_sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(str(tmp_path / "store"), create=True)
    push(store, [write_sample("a.mcap")], AT)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100))
    assert "bytes, and 100 are free on this disk" in pull(store, tmp_path / "in").refused[0]


def test_a_changed_object_is_refused(write_sample: Sample, tmp_path: Path) -> None:
    log = write_sample("a.mcap")
    store = Store(str(tmp_path / "store"), create=True)
    push(store, [log], AT)
    digest = hashlib.sha256(log.read_bytes()).hexdigest()
    path = tmp_path / "store" / object_path(digest)
    data = bytearray(path.read_bytes())
    for change, why in (
        (data[:-1] + b"x", "not what its name says"),
        (data + b"more", "larger than"),
        (b"", "not there"),
    ):
        path.write_bytes(change)
        found = pull(store, tmp_path / "in")
        assert not found.taken
        assert why in found.refused[0]
        assert verify_store(store) == [f"commit 1: a.mcap: object {digest[:16]} is not there or wrong"]
        assert list((tmp_path / "in").glob("*.mcap*")) == []


def test_rewritten_history_is_noticed(write_sample: Sample, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"), create=True)
    for seed in range(3):
        push(store, [write_sample(f"{seed}.mcap", seed=seed)], AT)
    pull(store, tmp_path / "in")
    file = tmp_path / "store" / commit_path(3)
    file.write_text(file.read_text().replace(AT, "2030-01-01T00:00:00Z"))
    with pytest.raises(TaskLogError, match="commit 3 is not what it was at the last pull: history was rewritten"):
        pull(store, tmp_path / "in")
    file = tmp_path / "store" / commit_path(2)
    file.write_text(file.read_text().replace(AT, "2030-01-01T00:00:00Z"))
    with pytest.raises(TaskLogError, match="history was rewritten"):
        list(commits(store))


_PUSHER = """
import sys
from pathlib import Path
from stope.tasklog.exchange.commits import claim
from stope.tasklog.exchange.store import Store
store = Store(sys.argv[1], create=True)
print("ready", flush=True)
sys.stdin.readline()
for i in range(12):
    row = {"name": f"{sys.argv[2]}-{i}", "sha256": "0" * 64, "size": 1}
    claim(store, [row], "2027-01-15T12:00:00Z", None)
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_concurrent_pushers_lose_nothing(where: str) -> None:
    command = [sys.executable, "-c", _PUSHER, where]
    children = [
        subprocess.Popen([*command, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.communicate("go\n", timeout=60)
    assert [child.returncode for child in children] == [0, 0]
    found = list(commits(Store(where)))
    assert [commit.number for commit in found] == list(range(1, 25))
    assert sorted(commit.logs[0]["name"] for commit in found) == sorted(f"{n}-{i}" for n in range(2) for i in range(12))


_KILLED = """
import sys
from pathlib import Path
from stope.tasklog.exchange.share import push
from stope.tasklog.exchange.store import Store
print("ready", flush=True)
push(Store(sys.argv[1], create=True), [Path(p) for p in sys.argv[2:]], "2027-01-15T12:00:00Z")
"""


def test_a_kill_at_any_point_leaves_a_sound_store(write_sample: Sample, tmp_path: Path) -> None:
    logs = [write_sample(f"{seed}.mcap", seed=seed) for seed in range(3)]
    where = str(tmp_path / "store")
    for delay in (0.1, 0.9, 1.7):
        child = subprocess.Popen(
            [sys.executable, "-c", _KILLED, where, *map(str, logs)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        child.stdout.readline()
        threading.Event().wait(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        store = Store(where, create=True)
        assert verify_store(store) == []
        for path in Path(where).rglob("*"):
            if path.is_file() and path.parent.parent.name == "objects" and "#" not in path.name:
                assert hashlib.sha256(path.read_bytes()).hexdigest() == path.parent.name + path.name
    push(store, logs, AT)
    assert {row["name"] for commit in commits(store) for row in commit.logs} == {"0.mcap", "1.mcap", "2.mcap"}


def test_a_web_server_can_be_read(write_sample: Sample, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    push(Store(str(folder), create=True), [write_sample("a.mcap")], AT)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        store = Store(f"http://127.0.0.1:{server.server_port}")
        assert len(pull(store, tmp_path / "in").taken) == 1
        assert verify_store(store) == []
        with pytest.raises(TaskLogError, match="can only be read"):
            claim(store, [], AT, None)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "../../../../etc/passwd"},
        {"sha256": "A" * 64},
        {"size": -1},
        {"size": True},
        {"size": 2**60},
        {"name": 5},
        {"topics": "x"},
        {"seals": ["../x"]},
        {"part": 2, "first": "../x"},
        {"part": 1, "first": "0" * 64},
        {"part": True, "first": "0" * 64},
        {"part": "../2", "first": "0" * 64},
        {"part": 2},
    ],
)
def test_hostile_commits_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    row = {"name": "x", "sha256": "0" * 64, "size": 1, "seals": [], "topics": []} | change
    store = Store(str(tmp_path / "store"), create=True)
    plain = {"format": "stope.commit/1", "number": 1, "previous": "", "at": AT, "logs": [row]}
    store.create(commit_path(1), json.dumps(plain).encode())
    with pytest.raises(TaskLogError, match="is no commit"):
        pull(store, tmp_path / "in")
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize(
    "data", [b"[", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"format": "stope.commit/2", "number": 1}']
)
def test_what_is_no_commit(tmp_path: Path, data: bytes) -> None:
    store = Store(str(tmp_path / "store"), create=True)
    store.create(commit_path(1), data)
    with pytest.raises(TaskLogError, match="is no commit"):
        list(commits(store))


def test_names_from_a_store_stay_in_the_folder() -> None:
    for name in ("../../x.mcap", "/etc/passwd", "a\0b", "..", "", "con", "x" * 500):
        found = local_name({"name": name, "sha256": "ab" * 32})
        assert Path(found).name == found
        assert found.endswith("-abababababab.mcap")
        assert not found.startswith(".")
        part = local_name({"name": name, "sha256": "cd" * 32, "part": 2, "first": "ab" * 32})
        assert part == found.replace(".mcap", ".0002.mcap")


def test_places_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(TaskLogError, match="no such folder; stope share push makes it"):
        Store(str(tmp_path / "nowhere"))
    with pytest.raises(TaskLogError, match="read ftp://, expected"):
        Store("ftp://x/y")


def test_a_crate_is_read_by_rocrate(write_sample: Sample, tmp_path: Path) -> None:
    log = sealed(write_sample, 3)
    files = pack(
        log, tmp_path / "crate", authors=["A. Author"], organisation="https://ror.org/05dxps055", published="2027-01-15"
    )
    assert [file.name for file in files] == ["ro-crate-metadata.json", "run3.mcap", "run3.mcap.seal.json"]
    graph = {row["@id"]: row for row in json.loads(files[0].read_text())["@graph"]}
    assert graph["run3.mcap"]["sha256"] == hashlib.sha256(log.read_bytes()).hexdigest()
    assert graph["./"]["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    crate_module = pytest.importorskip("rocrate.rocrate")
    crate = crate_module.ROCrate(str(tmp_path / "crate"))
    assert crate.root_dataset["name"].startswith("bennu_core on")
    assert {entity.id for entity in crate.data_entities} == {"run3.mcap", "run3.mcap.seal.json"}
    assert crate.dereference("#run")["agent"].id == "https://ror.org/05dxps055"
    with pytest.raises(TaskLogError, match="exists"):
        pack(log, tmp_path / "crate", authors=[])
    log.write_bytes(log.read_bytes()[:-9])
    with pytest.raises(TaskLogError, match="only a whole log is packed"):
        pack(log, tmp_path / "crate2", authors=[])
    assert not list(tmp_path.glob("*crate2*"))


def test_a_thousand_commits_are_read_in_reasonable_time(tmp_path: Path) -> None:
    store, newest = Store(str(tmp_path / "store"), create=True), None
    for number in range(300):
        newest = claim(store, [{"name": str(number), "sha256": "0" * 64, "size": 1}], AT, newest)
    begin = time.perf_counter()
    assert sum(1 for _ in commits(store)) == 300
    assert time.perf_counter() - begin < 10
