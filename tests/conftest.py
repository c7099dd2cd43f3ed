"""What every test runs under: one thread per process, and property tests that a busy machine does not fail."""

import os

for pool in ("OPENBLAS", "OMP", "MKL"):  # before NumPy loads; as the `stope` command does
    os.environ.setdefault(f"{pool}_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

settings.register_profile(
    "stope",
    deadline=None,  # time per example says more about the machine's load than about the code
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",  # a failure in CI is there for everyone, and again on the next run
)
settings.load_profile("stope")
