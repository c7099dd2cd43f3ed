"""The simulated device: it goes safe alone, in its own time, whatever the host says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest_sim import PlantMaker

from stope.mission.shipped import shipped
from stope.robot.messages import AnchorAction, AnchorPhase, Command, JointMode, RawSensors, SafetyState
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot
from stope.sim.device import HOLD_TO_DISARM_US, STALL_US, Device, FaultFlag


@pytest.fixture
def sensors(make_plant: PlantMaker) -> RawSensors:
    """A reading with four anchors engaged and the bit in the ground."""
    raw = make_plant().sense()
    return raw._replace(anchor_phase=np.full(4, int(AnchorPhase.ENGAGED), dtype=np.int8), weight_on_bit_n=20.0)


@pytest.fixture
def device(miner: RobotModel, sensors: RawSensors) -> Device:
    made = Device(miner)
    made.arm(sensors)
    return made


def drilling(model: RobotModel, seq: int = 1, until_us: int = 100_000, **changes: object) -> Command:
    joints, drill = len(model.joints), model.drill
    assert drill is not None
    mode = np.full(joints, int(JointMode.POSITION), dtype=np.int8)
    mode[[drill.feed, drill.spindle]] = JointMode.VELOCITY
    effort, velocity, limit = np.zeros(joints), np.zeros(joints), model.effort_max.copy()
    effort[drill.feed], velocity[drill.spindle], limit[drill.feed] = 30.0, 12.0, 33.0
    plain = Command(
        seq=seq,
        valid_until_us=until_us,
        joint_mode=mode,
        joint_position=np.array(model.stance),
        joint_velocity=velocity,
        joint_effort=effort,
        joint_effort_limit=limit,
        anchor_action=np.zeros(4, dtype=np.int8),
        release_confirm=0,
        thrust_n=np.full(4, 1.0),
    )
    return replace(plain, **changes)


def test_nothing_moves_before_arming(miner: RobotModel, sensors: RawSensors) -> None:
    device = Device(miner)
    device.take(drilling(miner), sensors)
    efforts = device.tick(sensors)
    assert device.applied.refused
    assert device.applied.why == "device is DISARMED"
    assert efforts.brake.all()
    assert not efforts.thrust_n.any()


def test_a_stale_command_makes_the_device_hold(device: Device, miner: RobotModel, sensors: RawSensors) -> None:
    device.take(drilling(miner, until_us=100_000), sensors)
    assert device.tick(sensors._replace(time_us=100_000)).thrust_n.tolist() == [1.0] * 4
    late = device.tick(sensors._replace(time_us=102_000, joint_velocity=np.zeros(16)))
    assert device.state is SafetyState.HOLD
    assert device.faults & FaultFlag.STALE_COMMAND
    assert not late.thrust_n.any()
    assert (late.anchor == int(AnchorAction.HOLD)).all()
    assert late.joint[miner.drill.spindle] == 0.0
    device.tick(sensors._replace(time_us=102_000 + HOLD_TO_DISARM_US + 1))
    assert device.state is SafetyState.DISARMED


def test_a_fresh_command_ends_the_hold(device: Device, miner: RobotModel, sensors: RawSensors) -> None:
    device.take(drilling(miner, until_us=100_000), sensors)
    later = sensors._replace(time_us=150_000)
    device.tick(later)
    device.take(drilling(miner, seq=2, until_us=250_000), later)
    assert device.state is SafetyState.ARMED
    assert not device.faults & FaultFlag.STALE_COMMAND


@pytest.mark.parametrize(("seq", "until_us"), [(1, 300_000), (0, 300_000), (3, 100_000)])
def test_old_and_dead_commands_are_refused_and_counted(
    device: Device, miner: RobotModel, sensors: RawSensors, seq: int, until_us: int
) -> None:
    device.take(drilling(miner, seq=1, until_us=200_000), sensors)
    device.take(drilling(miner, seq=seq, until_us=until_us), sensors._replace(time_us=100_000))
    assert device.applied.refused
    assert device.stale_refused == 1


def test_over_press_backs_the_feed_off(device: Device, miner: RobotModel, sensors: RawSensors) -> None:
    device.take(drilling(miner), sensors)
    feed = miner.drill.feed
    assert device.tick(sensors._replace(weight_on_bit_n=39.0)).joint[feed] > 0.0
    assert device.tick(sensors._replace(weight_on_bit_n=40.0)).joint[feed] == -33.0
    assert device.faults & FaultFlag.OVER_PRESS
    assert "40.0 N above limit 33.0 N" in device.applied.why


def test_feed_needs_its_anchors(device: Device, miner: RobotModel, sensors: RawSensors) -> None:
    device.take(drilling(miner), sensors)
    feed = miner.drill.feed
    phase = np.array([AnchorPhase.ENGAGED, AnchorPhase.ENGAGED, AnchorPhase.OPEN, AnchorPhase.OPEN], dtype=np.int8)
    assert device.tick(sensors._replace(anchor_phase=phase)).joint[feed] == 0.0
    assert device.faults & FaultFlag.FEED_INTERLOCK
    assert "2 anchors engaged, feed needs 3" in device.applied.why
    retreat = drilling(miner, seq=2, joint_effort=np.zeros(16), joint_velocity=np.full(16, -0.02))
    device.take(retreat, sensors)
    assert device.tick(sensors._replace(anchor_phase=phase)).joint[feed] < 0.0  # coming out is always allowed


def test_a_stalled_spindle_is_switched_off(device: Device, miner: RobotModel, sensors: RawSensors) -> None:
    spindle = miner.drill.spindle
    fast = np.zeros(16)
    fast[spindle] = 40.0
    device.take(drilling(miner, until_us=10**9, joint_velocity=fast), sensors)
    stuck = sensors._replace(joint_velocity=np.zeros(16))
    assert device.tick(stuck).joint[spindle] == 8.0
    assert device.tick(stuck._replace(time_us=STALL_US)).joint[spindle] == 8.0
    assert device.tick(stuck._replace(time_us=STALL_US + 2_000)).joint[spindle] == 0.0
    assert device.faults & FaultFlag.SPINDLE_STALL


def test_a_spindle_that_turns_again_was_not_stalled(device: Device, miner: RobotModel, sensors: RawSensors) -> None:
    spindle = miner.drill.spindle
    fast = np.zeros(16)
    fast[spindle] = 40.0
    device.take(drilling(miner, until_us=10**9, joint_velocity=fast), sensors)
    stuck = sensors._replace(joint_velocity=np.zeros(16))
    device.tick(stuck)
    device.tick(stuck._replace(time_us=100_000, joint_velocity=fast))
    device.tick(stuck._replace(time_us=STALL_US))
    assert device.tick(stuck._replace(time_us=STALL_US + 50_000)).joint[spindle] == 8.0


@pytest.mark.parametrize(
    ("confirm", "spin_rad_s", "released"), [(1, 0.0, True), (0, 0.0, False), (2, 0.0, False), (1, 5.0, False)]
)
def test_release_needs_confirmation_and_a_stopped_drill(
    device: Device, miner: RobotModel, sensors: RawSensors, confirm: int, spin_rad_s: float, released: bool
) -> None:
    release = np.full(4, int(AnchorAction.RELEASE), dtype=np.int8)
    device.take(drilling(miner, seq=1, anchor_action=release, release_confirm=confirm), sensors)
    turning = np.zeros(16)
    turning[miner.drill.spindle] = spin_rad_s
    efforts = device.tick(sensors._replace(joint_velocity=turning))
    assert bool((efforts.anchor == -1).all()) is released
    assert bool(device.faults & FaultFlag.RELEASE_REFUSED) is not released


def test_safe_latches_and_keeps_the_anchors(device: Device, miner: RobotModel, sensors: RawSensors) -> None:
    device.take(drilling(miner), sensors)
    device.safe(sensors)
    efforts = device.tick(sensors)
    device.take(drilling(miner, seq=2), sensors)
    assert device.state is SafetyState.FAULT
    assert device.applied.refused
    assert efforts.brake.all()
    assert not efforts.joint.any()
    assert (efforts.anchor == 0).all()


def test_efforts_never_leave_the_limits(device: Device, miner: RobotModel, sensors: RawSensors) -> None:
    wild = drilling(miner, joint_position=np.full(16, 50.0), joint_effort=np.full(16, 1e4))
    device.take(wild, sensors)
    nonsense = sensors._replace(joint_position=np.full(16, np.nan))
    for reading in (sensors, nonsense):
        effort = device.tick(reading).joint
        assert np.isfinite(effort).all()
        assert (np.abs(effort) <= miner.effort_max).all()


def test_the_jet_needs_its_anchors_and_hold_down_does_not(sensors: RawSensors) -> None:
    sampler = load_robot(shipped("robot")["sampler"])
    joints = len(sampler.joints)
    still = sensors._replace(
        joint_position=np.array(sampler.stance), joint_velocity=np.zeros(joints), joint_effort=np.zeros(joints),
        weight_on_bit_n=0.0,
    )  # fmt: skip
    device = Device(sampler)
    device.arm(still)
    for seq, held in enumerate((4, 3, 2, 0, 3), 1):
        phase = np.array([AnchorPhase.ENGAGED] * held + [AnchorPhase.OPEN] * (4 - held), dtype=np.int8)
        now = still._replace(anchor_phase=phase)
        device.take(blowing(sampler, seq), now)
        open_n = [1.0, 2.0, 3.0, 4.0 if held >= 3 else 0.0]
        assert device.tick(now).thrust_n.tolist() == open_n
        assert device.unattended_us(now) > 0
        assert device.valves[1].tolist() == open_n
        assert bool(device.faults & FaultFlag.JET_INTERLOCK) is (held < 3)
        assert device.applied.limited == (() if held >= 3 else ("thrust_n:sampler_jet",))
    held_two = np.array([AnchorPhase.ENGAGED] * 2 + [AnchorPhase.OPEN] * 2, dtype=np.int8)
    assert device.tick(still._replace(anchor_phase=held_two)).thrust_n.tolist() == [1.0, 2.0, 3.0, 0.0]
    assert device.applied.why == "2 anchors engaged, the jet needs 3"


def blowing(model: RobotModel, seq: int) -> Command:
    joints = len(model.joints)
    return Command(
        seq=seq, valid_until_us=100_000, joint_mode=np.full(joints, int(JointMode.BRAKE), dtype=np.int8),
        joint_position=np.array(model.stance), joint_velocity=np.zeros(joints), joint_effort=np.zeros(joints),
        joint_effort_limit=model.effort_max.copy(), anchor_action=np.zeros(4, dtype=np.int8), release_confirm=-1,
        thrust_n=np.array([1.0, 2.0, 3.0, 4.0]),
    )  # fmt: skip
