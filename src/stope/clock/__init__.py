"""The two clocks: RunClock for all logic, HostClock for a short list of host matters.

Logic never reads the wall: a paused or faster-than-real-time run must not trip a time-out
(PX4, ArduPilot and py_trees' own Timeout all had that bug).
"""

from stope.clock.host import HostClock
from stope.clock.run import RunClock

__all__ = ["HostClock", "RunClock"]
