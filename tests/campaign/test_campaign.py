"""Campaigns: many seeds of real runs, workers that outlive them, and the files that are left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from distributed import LocalCluster
from typer.testing import CliRunner

import stope.campaign.run as campaign_run
from stope.campaign.files import junit, write_all
from stope.campaign.job import MEASURED, Job, Row, run_job
from stope.campaign.run import jobs_of, run_jobs
from stope.campaign.verdict import judge, summary, wilson
from stope.cli import app
from stope.mission.scenario import Limit, Scenario, load_scenario


def rows(*verdicts: str) -> list[Row]:
    return [
        Row(seed, verdict, "", 1.0, {} if verdict == "BROKEN" else dict.fromkeys(MEASURED, float(seed)), {}, {})
        for seed, verdict in enumerate(verdicts, start=1)
    ]


@pytest.fixture(scope="module")
def quick() -> Scenario:
    return load_scenario("lab_bench", ("overrides=[tasks.drill.depth_m=0.002]",))


@pytest.mark.mission
def test_crashing_and_hanging_seeds_are_rows_and_the_others_go_on(quick: Scenario, tmp_path: Path) -> None:
    good, hangs, crashes = jobs_of(quick, range(1, 4), tmp_path)
    found: list[Row] = []
    good = replace(good, timeout_s=900.0)  # the first run in a new clone compiles
    jobs = [replace(hangs, timeout_s=0.2), replace(crashes, mission="no_such_mission"), good]
    run_jobs(jobs, workers=1, scheduler=None, on_row=found.append)
    told = {row.seed: row for row in found}
    assert told[hangs.seed].verdict == "BROKEN"
    assert "no end within 0.2 s" in told[hangs.seed].reason
    assert told[hangs.seed].host_s < 5.0
    assert "no_such_mission" in told[crashes.seed].reason
    assert told[good.seed].verdict == "PASSED"
    assert told[good.seed].measured["mass_error_ug"] == 0
    assert told[good.seed].truth["rock_ucs_pa"] > 0
    alone = run_job(good)  # the same seed, outside the campaign
    assert alone.payload_digest == told[good.seed].payload_digest != ""
    assert not Path(good.out).exists()  # a run that passed leaves no log behind
    left = write_all(quick, found, tmp_path)
    assert left["verdicts"] == {"passed": 1, "recovered": 0, "failed": 0, "lost": 0, "broken": 2}
    table = pq.read_table(tmp_path / "results.parquet")
    assert table.column("seed").to_pylist() == [1, 2, 3]
    assert set(MEASURED) < set(table.column_names)
    assert table.column("vary.site.roughness_m").to_pylist()[0] == quick.vary[0].draw(1)
    assert json.loads(table.schema.metadata[b"stope.scenario"])["name"] == "lab_bench"


def test_a_scheduler_without_workers_is_not_waited_for(
    quick: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_run, "LOOK_S", 1)
    monkeypatch.setattr(campaign_run, "NOBODY_LOOKS", 2)
    found: list[Row] = []
    with LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as cluster:
        run_jobs(jobs_of(quick, (1, 2), tmp_path), 1, cluster.scheduler_address, found.append)
    assert [(row.verdict, row.reason) for row in found] == 2 * [("BROKEN", "the scheduler has had no worker for 2 s")]


@contextlib.contextmanager
def a_worker_that_is_always_replaced(scheduler: str) -> Iterator[None]:
    """One worker at a time, and another as soon as it dies."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler, "--no-nanny", "--nthreads", "1"]
    ended, at_work = threading.Event(), []

    def keep() -> None:
        while not ended.is_set():
            at_work.append(subprocess.Popen([*command, "--no-dashboard"], stderr=subprocess.DEVNULL))
            at_work[-1].wait()

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        at_work[-1].kill()
        keeper.join()


def test_a_worker_that_dies_costs_its_seed_alone(quick: Scenario, tmp_path: Path) -> None:
    import dask

    def do(job: Job) -> Row:
        if job.seed == 1:
            os._exit(9)
        return Row(job.seed, "PASSED", "", 0.0, {}, {}, {})

    found: list[Row] = []
    once = dask.config.set({"distributed.scheduler.allowed-failures": 1})
    with once, LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as cluster:
        at = cluster.scheduler_address
        with a_worker_that_is_always_replaced(at):
            # Seed 2 waits on the worker that dies twice under seed 1, and is blamed for both deaths.
            run_jobs(jobs_of(quick, (1, 2), tmp_path), 1, at, found.append, do)
    assert len(found) == 2
    assert {row.seed: row.verdict for row in found} == {1: "BROKEN", 2: "PASSED"}


@pytest.mark.mission
def test_the_command_exits_1_when_a_limit_fails(tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = ["campaign", "run", "lab_bench", "--seeds", "1", "--out", str(out), "--json"]
    sets = [
        "--set",
        "overrides=[tasks.drill.depth_m=0.002]",
        "--set",
        "acceptance.1.at_least=0.5",
        "--set",
        "timeout_s=900",
    ]
    result = CliRunner().invoke(app, [*asked, *sets])
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [each["holds"] for each in told["acceptance"]] == [True, False, True]
    failures = ET.parse(out / "junit.xml").findall(".//failure")
    assert len(failures) == 1


def test_a_campaign_that_is_told_to_end_ends_in_order_and_soon(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "stope.cli", "campaign", "run", "lab_bench", "--workers", "1", "--out", str(out)]
    process = subprocess.Popen([*command, "--quiet"], preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    for _ in range(600):
        if out.exists():
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130


def test_nobody_at_the_scheduler_is_one_sentence() -> None:
    result = CliRunner().invoke(app, ["campaign", "run", "lab_bench", "--seeds", "1", "--scheduler", "nowhere"])
    assert result.exit_code == 2
    assert "--scheduler" in result.output


def test_shares_come_with_an_interval_and_quantities_without_the_broken() -> None:
    found = rows("PASSED", "PASSED", "FAILED", "BROKEN")
    share = judge(Limit(quantity="passed", statistic="share", at_least=0.5), found)
    assert share.value == 0.5
    assert share.interval == pytest.approx((0.150, 0.850), abs=1e-3)
    assert judge(Limit(quantity="depth_m", statistic="max", at_most=3.0), found).holds
    assert not judge(Limit(quantity="depth_m", statistic="max", at_most=3.0), rows("BROKEN")).holds
    assert wilson(20, 20) == pytest.approx((0.8389, 1.0), abs=1e-4)
    assert wilson(0, 0) is None


def test_junit_fails_by_the_limits_and_lists_every_seed(quick: Scenario) -> None:
    root = ET.fromstring(junit(quick, rows("PASSED", "FAILED", "BROKEN")))
    acceptance, seeds = root.findall("testsuite")
    assert (acceptance.get("failures"), seeds.get("failures")) == ("2", "0")
    assert (seeds.get("tests"), seeds.get("errors"), seeds.get("skipped")) == ("3", "1", "1")


def test_summary_and_figure_have_a_place_for_nothing(quick: Scenario, tmp_path: Path) -> None:
    assert summary(quick, [])["accepted"] is False
    write_all(quick, rows("BROKEN"), tmp_path)
    ET.parse(tmp_path / "spread.svg")
