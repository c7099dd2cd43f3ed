"""Seals without Stope: OpenSSL alone, Node alone, and the commands of the page."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest
from mcap.writer import CompressionType, Writer
from seal_story import OURS, THEIRS

from stope.tasklog.rewrite import Rewriter
from stope.tasklog.scan import scan
from stope.tasklog.seal.dsse import Envelope


def _need(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        warnings.warn(f"{program} is not installed: seals were not checked with it", UserWarning, stacklevel=2)
        pytest.skip(f"{program} is not installed")
    return found


@pytest.mark.filterwarnings("default::UserWarning")
def test_openssl_alone_verifies_a_seal(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    openssl = _need("openssl")
    (tmp_path / "key.pub").write_text(OURS.public.pem)
    (tmp_path / "sig").write_bytes(sealed.signatures[0].sig)
    command = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", "-rawin", "-in", "pae", "-sigfile", "sig"]
    (tmp_path / "pae").write_bytes(sealed.signed_bytes)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "Signature Verified Successfully" in done.stdout, done.stderr
    (tmp_path / "pae").write_bytes(sealed.signed_bytes[:-1] + b"]")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode != 0
    der = subprocess.run(
        [openssl, "pkey", "-pubin", "-in", "key.pub", "-outform", "DER"], cwd=tmp_path, capture_output=True, check=True
    )
    assert hashlib.sha256(der.stdout).hexdigest() == OURS.public.keyid


NODE = Path(__file__).parents[2] / "docs" / "format" / "verify_seal.mjs"


@pytest.mark.filterwarnings("default::UserWarning")
def test_node_alone_verifies_a_seal_and_every_topic(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    """No package of anybody's: the script reads an uncompressed MCAP itself and computes each segment's digest."""
    node = _need("node")
    plain = tmp_path / "plain.mcap"
    with plain.open("wb") as file:
        writer: Any = Writer(file, compression=CompressionType.NONE)
        writer.start(profile="stope")
        copy = Rewriter(writer)
        for record in scan(log):
            copy.add(record)
        writer.finish()
    (tmp_path / "key.pub").write_text(OURS.public.pem)
    (tmp_path / "seal.json").write_text(sealed.to_json())
    command = [node, str(NODE), "plain.mcap", "seal.json", "key.pub"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    parts = sum(1 for row in json.loads(sealed.payload)["subject"] if row["name"].startswith("topic:"))
    assert told == {"signature": "good", "verified": parts, "withheld": 0, "failed": 0}
    data = bytearray(plain.read_bytes())
    data[data.index(b"regolith" if b"regolith" in data else b"ground")] ^= 1
    plain.write_bytes(data)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert json.loads(done.stdout)["failed"] == 1
    (tmp_path / "key.pub").write_text(THEIRS.public.pem)
    assert '"signature":"BAD"' in subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout


def test_the_payload_is_an_in_toto_statement(sealed: Envelope) -> None:
    plain = json.loads(base64.b64decode(json.loads(sealed.to_json())["payload"]))
    assert plain["_type"] == "https://in-toto.io/Statement/v1"
    assert plain["subject"][0]["name"] == "file"
    assert all(set(row["digest"]) == {"sha256"} for row in plain["subject"])


def test_the_commands_of_the_page_as_they_stand_there(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    """A partner with OpenSSL and Node, and our log as the recorder wrote it, in zstd."""
    for program in ("node", "openssl", "zstd", "bash"):
        _need(program)
    page = NODE.with_name("seals.md").read_text().partition("## Without Stope")[2]
    blocks = [block.partition("```")[0] for block in page.split("```console\n")[1:]]
    assert len(blocks) == 3
    commands = [line for block in blocks for line in block.removeprefix("$ ").split("\n$ ")]
    shutil.copyfile(log, tmp_path / "run.mcap")
    shutil.copyfile(NODE, tmp_path / "verify_seal.mjs")
    (tmp_path / "run.mcap.seal.json").write_text(sealed.to_json())
    environment = {**os.environ, "PUBLIC": OURS.public.text}
    said = []
    for command in commands:
        text = command.partition("\n{")[0]  # what is printed stands below
        done = subprocess.run(["bash", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, text + done.stdout + done.stderr
        said.append(done.stdout)
    assert '{"signature":"good","verified":' in said[1]
    assert "Signature Verified Successfully" in said[3]
