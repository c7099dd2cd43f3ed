"""The page of the ledger, from a log to shares: its commands run as they stand there, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stope.cli import app
from stope.tasklog import RunHeader, TaskLogWriter, new

PAGE = Path(__file__).parents[2] / "docs" / "format" / "ledger.md"
HEADER = RunHeader("0", 4, "quick_core", "{}", "miner", "{}", "", "bennu", "CC-BY-4.0", "t")


def blocks(kind: str, text: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", text, re.S)


def as_if_run(log: Path) -> None:
    """In place of a mission: what its log says of mass and energy."""
    log.parent.mkdir()
    with TaskLogWriter(log, HEADER, start_utc_ns=1_803_988_800_000_000_000) as writer:
        for second in range(0, 91, 30):
            amount = 44_626_000 * second // 90
            balance = new("MassBalance", material=["bennu_regolith"] * 3, account=["ground", "bin", "in_flight"])
            balance.amount_ug.extend([-amount - 900_000, amount, 900_000])
            writer.write("/mass/balance", balance, second * 1_000_000)
            writer.write("/robot/observation", new("RobotObservation", energy_used_j=35.2 * second), second * 1_000_000)


def test_from_a_log_to_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text()
    story = page.partition("## From a log to shares")[2]
    Path("a.yaml").write_text(blocks("yaml", page)[0])
    Path("scale.csv").write_text(blocks("csv", story)[0])
    Path("scale.toml").write_text(blocks("toml", story)[0])
    commands = [line[2:] for block in blocks("console", story) for line in block.splitlines() if line.startswith("$ ")]
    assert len(commands) >= 15
    policy, said = blocks("json", story)[0], ""
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "stope"
        if words[1] == "run":
            as_if_run(Path("run/quick_core.mcap"))
            continue
        done = CliRunner().invoke(app, words[1:])
        said = done.output
        assert done.exit_code == 0, f"{command}\n{said}"
        if words[1:3] == ["key", "new"]:
            policy = policy.replace('"..."', f'"{said.split()[-1]}"', 1)
            Path("partners.json").write_text(policy)
    assert said == "3 of 3 measured entries worked out again\nbooks.jsonl: 7 entries, nothing to report\n"
    assert "agrees with its logs" in Path("audit.html").read_text()
