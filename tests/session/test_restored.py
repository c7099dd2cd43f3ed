"""How deep a hole is when its host comes back: by the feed, from its one collar, however often it was begun."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stope.executive.activity import Activity
from stope.mission.shipped import find_data
from stope.robot.modelfile import load_robot
from stope.session.resuming import restored

RIG = load_robot(find_data("robot", "bench_rig"))
RUN: Any = SimpleNamespace(robot=SimpleNamespace(model=RIG))
COLLAR_M = 0.0160


def taken_up(found: Activity, feed_m: float, weight_n: float = 0.0) -> Activity:
    """After its host died with the bit standing at `feed_m`, pressed with `weight_n`."""
    assert RIG.drill is not None
    position = np.zeros(len(RIG.joints))
    position[RIG.drill.feed] = feed_m
    obs: Any = SimpleNamespace(joint_position=position, weight_on_bit_n=weight_n)
    (activity,) = restored(SimpleNamespace(activities=[found]), obs, RUN)  # type: ignore[arg-type]
    return activity


def test_a_hole_that_was_broken_off_three_times_is_as_deep_as_its_bit_stands() -> None:
    drill = Activity(1, "drill", 3600.0, state="running", memory={"collar_m": COLLAR_M})
    for depth_m in (0.0003, 0.0007, 0.0012):
        found = taken_up(drill, COLLAR_M + depth_m)
        assert found.state == "waiting"
        assert found.before_m == pytest.approx(depth_m, abs=1e-9)
        drill = found
        drill.state = "running"


def test_a_bit_that_was_on_its_way_out_had_been_deeper() -> None:
    drill = Activity(1, "drill", 3600.0, state="running", depth_m=0.002, memory={"collar_m": COLLAR_M})
    assert taken_up(drill, COLLAR_M - 0.01).before_m == 0.002


def test_a_string_that_is_still_pressed_stands_less_deep_than_its_feed() -> None:
    drill = Activity(1, "drill", 3600.0, state="running", memory={"collar_m": COLLAR_M})
    assert RIG.drill is not None
    squeezed_m = 9.0 / RIG.drill.string_stiffness_n_m
    assert taken_up(drill, COLLAR_M + 0.001 + squeezed_m, weight_n=9.0).before_m == pytest.approx(0.001, abs=1e-9)
