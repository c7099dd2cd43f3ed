"""The lock step through pipes: a device that does not answer is a lost link, not a wait for ever."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from stope.bridge import piped_core
from stope.bridge.errors import LinkLostError
from stope.bridge.piped_core import ANSWERED, ASKED, PipedCore


class Still:
    """A world of a few bytes, in place of a plant."""

    step_us = 2000

    def __init__(self) -> None:
        self.orders: list[tuple[bytes, int]] = []

    def tell(self) -> bytes:
        return b"sense"

    def obey(self, data: bytes, now_us: int) -> None:
        self.orders.append((data, now_us))


@pytest.fixture
def ends() -> tuple[int, int, int, int]:
    """Our two ends and the device's two."""
    ask_read, ask_write = os.pipe()
    say_read, say_write = os.pipe()
    return ask_write, say_read, ask_read, say_write


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_an_exchange_carries_both_lines_and_time(ends: tuple[int, int, int, int]) -> None:
    ours_to, ours_from, theirs_in, theirs_out = ends
    world = Still()
    core = PipedCore(sleeper(), ours_to, ours_from, world)
    core.take(b"set-point")
    os.write(theirs_out, ANSWERED.pack(9, 5) + b"telemetry" + b"drive")
    core.step()
    asked = os.read(theirs_in, 100)
    assert ASKED.unpack(asked[: ASKED.size]) == (2, 9, 5)
    assert asked[ASKED.size :] == b"senseset-point"
    assert (core.give(), core.give(), core.now_us) == (b"telemetry", b"", 2001)
    assert world.orders == [(b"drive", 2001)]
    core.close()
    core.close()


def test_a_flood_from_the_host_goes_in_blocks(ends: tuple[int, int, int, int]) -> None:
    ours_to, ours_from, theirs_in, theirs_out = ends
    core = PipedCore(sleeper(), ours_to, ours_from, Still())
    core.take(bytes(5000))
    sizes = []
    for _ in range(3):
        os.write(theirs_out, ANSWERED.pack(0, 0))
        core.step()
        asked = os.read(theirs_in, 1 << 16)
        sizes.append(ASKED.unpack(asked[: ASKED.size])[1])
    assert sizes == [piped_core.BLOCK - 5, 5000 - piped_core.BLOCK + 5, 0]
    core.close()


def test_a_process_that_ended_is_a_lost_link(ends: tuple[int, int, int, int]) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    os.write(ends[3], b"x")
    core = PipedCore(process, ends[0], ends[1], Still())
    with pytest.raises(LinkLostError, match="ended or hangs"):
        core.step()
    core.close()


def test_a_device_that_hangs_is_a_lost_link(ends: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piped_core, "ANSWER_S", 0.05)
    core = PipedCore(sleeper(), ends[0], ends[1], Still())
    with pytest.raises(LinkLostError, match="ended or hangs"):
        core.step()
    core.close()
