"""What every test runs under: one thread per process, and property tests that a busy machine does not fail."""

import os

for pool in ("OPENBLAS", "OMP", "MKL"):  # before NumPy loads; as the `stope` command does
    os.environ.setdefault(f"{pool}_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "stope",
    deadline=None,  # time per example says more about the machine's load than about the code
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",  # a failure in CI is there for everyone, and again on the next run
)
settings.load_profile("stope")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that look at the same whole mission go to the same worker (`--dist loadgroup`), where it runs once."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        if item.get_closest_marker("mission") and callspec is not None and "name" in callspec.params:
            item.add_marker(pytest.mark.xdist_group(f"mission-{callspec.params['name']}"))


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children that read strangers' files are forks, whatever threads pytest has: they have what a test patched, and
    begin in milliseconds."""
    monkeypatch.setattr("stope.confined._has_one_thread", lambda: True)
