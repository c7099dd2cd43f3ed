"""Fixtures of the task log's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sample_log import START_NS, Sample, sample_header, sample_messages
from seal_story import AT, OURS, ROBOT

from stope.tasklog import RunHeader, TaskLogWriter, new
from stope.tasklog.seal.dsse import Envelope
from stope.tasklog.seal.statement import Claims, seal


@pytest.fixture
def header() -> RunHeader:
    return sample_header()


@pytest.fixture
def write_sample(tmp_path: Path, header: RunHeader) -> Sample:
    """Writes the sample log and returns its path; keywords go to the writer."""

    def write(name: str = "log.mcap", *, seed: int = 7, **options: Any) -> Path:
        path = tmp_path / name
        with TaskLogWriter(path, header, start_utc_ns=START_NS, **options) as log:
            for topic, message, time_us in sample_messages(seed):
                log.write(topic, message, time_us)
        return path

    return write


@pytest.fixture
def log(write_sample: Sample) -> Path:
    return write_sample(signer=ROBOT)


@pytest.fixture
def sealed(log: Path) -> Envelope:
    return seal(log, OURS, Claims(AT))


@pytest.fixture(params=["foxglove", "python"])
def tiny(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Twelve parcels in four chunks, in about 5 KB."""
    header = RunHeader("0", 1, "m", "{}", "r", "{}", "", "bennu", "CC-BY-4.0", "t", packages={})
    with TaskLogWriter(tmp_path / "tiny.mcap", header, start_utc_ns=START_NS, backend=request.param) as log:
        for i in range(12):
            log.write("/mass/parcel", new("MassParcel", amount_ug=i, material="regolith"), i)
            if i % 3 == 2:
                log.flush()
    return log.path
