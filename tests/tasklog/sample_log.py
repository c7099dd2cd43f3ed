"""A small log with every kind of topic, the same for all tests of this room."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stope.tasklog import RunHeader, message_class, new

START_NS = 1_800_000_000_000_000_000
COUNTS = {
    "/robot/observation": 40,
    "/task/event": 2,
    "/mass/parcel": 8,
    "/sim/truth": 4,
    "/robot/pose": 8,
    "/terrain": 1,
    "/log": 1,
}

Sample = Callable[..., Path]


def sample_header() -> RunHeader:
    joints = [{"name": "hip", "unit": "rad", "sign": -1}, {"name": "feed", "unit": "m", "sign": 1}]
    return RunHeader(
        stope_version="0.1.0",
        seed=7,
        mission="bennu_core",
        mission_json='{"name": "bennu_core"}',
        robot="miner",
        robot_json=json.dumps({"joints": joints, "limbs": [{"name": "fore"}, {"name": "hind"}]}),
        limits_hash="ab" * 32,
        body="bennu",
        licence="CC-BY-4.0",
        team="The Stope team",
        python="3.11.7",
        packages={"numpy": "2.4.6"},
    )


def sample_messages(seed: int = 7) -> Iterator[tuple[str, Any, int]]:
    """Topic, message and run time; the numbers come from `seed`."""
    rng = np.random.default_rng(seed)
    cloud = message_class("foxglove.PointCloud")(
        frame_id="site", point_stride=12, data=rng.random((300, 3)).astype("<f4").tobytes()
    )
    for name in "xyz":
        cloud.fields.add(name=name, offset=4 * "xyz".index(name), type=7)
    yield "/terrain", cloud, 0
    yield "/log", new("/log", level=2, name="session", message="touch-down"), 0
    yield "/task/event", new("/task/event", task="anchor", phase=1), 0
    for i in range(40):
        time_us = i * 10_000
        yield (
            "/robot/observation",
            new(
                "RobotObservation",
                device_time_us=time_us,
                device_seq=i,
                joint_position=rng.random(2),
                joint_velocity=rng.random(2),
                joint_effort=rng.random(2),
                imu_gyro=rng.random(3),
                imu_accel=rng.random(3),
                limb_force=rng.random((2, 3)),
                anchor_phase=np.array([2, 3], np.int8),
                weight_on_bit_n=float(rng.random()),
                safety_state=3,
                applied_seq=i - 1,
                applied_limited=("joint_effort:feed",) if i % 2 else (),
            ),
            time_us,
        )
        if i % 5 == 0:
            parcel = new(
                "MassParcel", amount_ug=int(rng.integers(2**62)), from_account="ground", to_account="bin", material="cm"
            )
            yield "/mass/parcel", parcel, time_us
            pose = new("/robot/pose", frame_id="site")
            pose.pose.position.z = float(rng.random())
            pose.pose.orientation.w = 1.0
            yield "/robot/pose", pose, time_us
        if i % 10 == 0:
            yield (
                "/sim/truth",
                new("/sim/truth", base_position=rng.random(3), hole_depth_m=float(rng.random())),
                time_us,
            )
    yield "/task/event", new("/task/event", task="anchor", phase=3, value=3.5, limit=2.0, unit="N"), 400_000
