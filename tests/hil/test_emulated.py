"""The image of the microcontroller, run by QEMU: each test has a QEMU of its own, and asserts on device time alone."""

from __future__ import annotations

import os
import shutil
import signal
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from building import make
from emulated import Emulated
from hosting import ARMED, DISARMED, ESTOP, FAULT, HOLD, SAFING

NEEDED = ("qemu-system-arm", "arm-none-eabi-gcc")
pytestmark = pytest.mark.xdist_group("qemu")

Start = Callable[..., Emulated]


@pytest.fixture(scope="module")
def image(oracle: ModuleType) -> Path:
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    if missing:
        pytest.skip(
            f"FIRMWARE NOT EMULATED: {', '.join(missing)} missing "
            "(apt-get install --no-install-recommends qemu-system-arm gcc-arm-none-eabi libnewlib-arm-none-eabi)"
        )
    return make("mps2") / "mps2.elf"


@pytest.fixture
def start(image: Path, oracle: ModuleType, miner: object, tmp_path: Path) -> Iterator[Start]:
    running: list[Emulated] = []

    def begin(**options: bool) -> Emulated:
        running.append(Emulated("mps2-an385", image, tmp_path, oracle, miner, **options))
        return running[-1]

    yield begin
    for emulated in running:
        emulated.close()


def fly(mcu: Emulated) -> None:
    """ARMED, with an age limit that a busy machine's scheduling does not trip."""
    raw = list(struct.pack("<I4x", 200))
    mcu.command_seq += 1
    mcu.say(mcu.m.MAVLink_param_set_message(mcu.command_seq, mcu.nonce, raw, b"SETPOINT_AGE_MS", 3))
    mcu.fly()


def test_it_boots_says_who_it_is_and_arms(start: Start) -> None:
    mcu = start()
    caps = mcu.all("CAPS")[-1]
    assert (caps.board, caps.robot, caps.reset_cause) == ("qemu mps2-an385", "miner", mcu.m.RESET_CAUSE_POWER)
    assert bytes(caps.limits_hash).hex() == mcu.model.limits_hash
    fly(mcu)
    mcu.stream(1_000_000)
    # A busy machine may deliver the last set-points late, and then HOLD is right: that it flew is what is shown.
    states, stats = [state.safety_state for state in mcu.all("STATE")], mcu.all("LINK_STATS")[-1]
    assert ARMED in states, f"{states} {stats}"
    assert (stats.rx_bad_crc, stats.rx_ring_overruns, stats.uart_errors) == (0, 0, 0)


def test_a_lost_host_is_noticed_between_245_and_255_ms_of_device_time(start: Start) -> None:
    mcu = start()
    fly(mcu)
    mcu.stream(200_000)
    mcu.listen()
    mcu.run(700_000)
    event = next(e for e in mcu.events() if e.fault == mcu.m.FAULT_HOST_TIMEOUT)
    assert 245.0 <= event.value <= 255.0
    assert event.state_after == SAFING
    mcu.run(1_500_000)
    status = mcu.status()
    assert (status.safety_state, status.outputs_enabled) == (FAULT, 0)


def test_safing_stops_the_spindle_within_two_seconds_of_device_time(start: Start) -> None:
    mcu = start()
    fly(mcu)
    for _ in range(20):
        mcu.stream(100_000, velocity={13: 12.0})
        if mcu.all("JOINT_STATE")[-1].velocity[5] > 11.0:
            break
    mcu.listen()
    mcu.command(mcu.m.COMMAND_SAFE)
    mcu.run(2_500_000)
    began = next(e.time_us for e in mcu.events() if e.fault == mcu.m.FAULT_HOST_REQUEST)
    speeds = [(m.time_us, m.velocity[5]) for m in mcu.all("JOINT_STATE") if m.first_joint == 8]
    assert max(speed for _, speed in speeds) > 11.0
    stopped = next(time for time, speed in speeds if time > began and abs(speed) < 0.5)
    assert stopped - began < 1_100_000
    ended = next(m.time_us for m in mcu.all("STATE") if m.safety_state == FAULT)
    assert 1_000_000 <= ended - began <= 2_050_000


def test_estop_stops_at_once_and_is_latched(start: Start) -> None:
    mcu = start()
    fly(mcu)
    mcu.listen()
    for seq in range(3):
        mcu.say(mcu.m.MAVLink_estop_message(0x504F5453, seq, 1))
    mcu.run_until("COMMAND_ACK", "COMMAND_ACK", "COMMAND_ACK")
    assert {a.safety_state for a in mcu.acks()} == {ESTOP}
    mcu.stream(500_000)
    status = mcu.status()
    assert (status.safety_state, status.outputs_enabled) == (ESTOP, 0)
    assert mcu.command(mcu.m.COMMAND_ARM).result == mcu.m.RESULT_DENIED


def test_set_points_that_stop_take_it_to_hold(start: Start) -> None:
    mcu = start()
    fly(mcu)
    mcu.listen()
    for _ in range(25):
        mcu.alive()
        mcu.run(20_000)
    assert mcu.state == HOLD
    event = next(e for e in mcu.events() if e.fault == mcu.m.FAULT_SETPOINT_STALE)
    assert 200.0 < event.value <= 205.0
    mcu.stream(60_000)
    assert mcu.state == ARMED


def test_bad_values_are_refused_whole(start: Start) -> None:
    mcu = start()
    fly(mcu)
    mcu.stream(100_000)
    adopted = mcu.seq
    mcu.alive()
    mcu.setpoint(position={0: float("nan")})
    status = mcu.status()
    assert (status.refused_seq, status.refuse_reason) == (mcu.seq, mcu.m.REFUSE_REASON_NOT_FINITE)
    assert status.setpoint_seq == adopted


def test_a_hang_ends_in_a_watchdog_reset_and_another_session(start: Start) -> None:
    mcu = start()
    fly(mcu)
    before = mcu.nonce
    mcu.command(mcu.m.COMMAND_TEST_HANG)
    mcu.plug()
    mcu.greet()
    assert mcu.nonce != before
    assert mcu.all("CAPS")[-1].reset_cause == mcu.m.RESET_CAUSE_WATCHDOG
    status = mcu.status()
    assert (status.safety_state, status.outputs_enabled) == (DISARMED, 0)
    assert status.latched_flags & mcu.m.FAULT_WATCHDOG_RESET
    mcu.seq = mcu.command_seq = 0
    mcu.stream(100_000)
    ack = mcu.command(mcu.m.COMMAND_ARM)
    assert (ack.result, ack.blocking_flags) == (mcu.m.RESULT_DENIED, mcu.m.FAULT_WATCHDOG_RESET)
    assert mcu.command(mcu.m.COMMAND_CLEAR_FAULTS).result == mcu.m.RESULT_OK


def test_a_hard_fault_resets_with_its_cause(start: Start) -> None:
    mcu = start()
    mcu.command(mcu.m.COMMAND_TEST_HARDFAULT)
    mcu.plug()
    mcu.greet()
    assert mcu.all("CAPS")[-1].reset_cause == mcu.m.RESET_CAUSE_FAULT_HANDLER


def test_three_quick_resets_keep_it_in_fault(start: Start) -> None:
    mcu = start()
    nonces = {mcu.nonce}
    for _ in range(3):
        mcu.monitor("system_reset")
        mcu.plug()
        mcu.greet()
        nonces.add(mcu.nonce)
        assert mcu.all("CAPS")[-1].reset_cause == mcu.m.RESET_CAUSE_PIN
    assert len(nonces) == 4
    status = mcu.status()
    assert status.safety_state == FAULT
    assert status.latched_flags & mcu.m.FAULT_SELFTEST


def test_a_reset_in_mid_stream_disarms_and_the_old_session_is_refused(start: Start) -> None:
    mcu = start()
    fly(mcu)
    old = mcu.nonce
    mcu.monitor("system_reset")
    mcu.plug()
    mcu.greet()
    assert mcu.nonce != old
    assert mcu.state == DISARMED
    mcu.setpoint(session=old)
    assert mcu.command(mcu.m.COMMAND_ARM, session=old).result == mcu.m.RESULT_WRONG_SESSION
    assert mcu.status().setpoint_seq == 0


def test_parameters_survive_a_reset(start: Start) -> None:
    mcu = start()
    raw = list(struct.pack("<I4x", 111))
    mcu.say(mcu.m.MAVLink_param_set_message(1, mcu.nonce, raw, b"HOST_TIMEOUT_MS", 3))
    mcu.command_seq = 1
    assert mcu.command(mcu.m.COMMAND_PARAM_SAVE).result == mcu.m.RESULT_OK
    assert mcu.command(mcu.m.COMMAND_REBOOT).result == mcu.m.RESULT_OK
    mcu.plug()
    mcu.greet()
    caps = mcu.all("CAPS")[-1]
    assert (caps.host_timeout_ms, caps.reset_cause) == (111, mcu.m.RESET_CAUSE_SOFT)


def test_a_stalled_processor_is_seen_as_a_late_loop(start: Start) -> None:
    mcu = start()
    fly(mcu)
    mcu.listen()
    os.kill(mcu.process.pid, signal.SIGSTOP)  # device time runs on
    mcu.run(120_000)
    os.kill(mcu.process.pid, signal.SIGCONT)
    mcu.stream(300_000)
    assert max(m.loop_max_us for m in mcu.all("STATE")) > 50_000


def test_device_time_is_true(start: Start) -> None:
    mcu = start()
    mcu.listen()
    mcu.run(3_000_000)
    first, last = mcu.all("STATE")[0], mcu.all("STATE")[-1]
    assert 2_000_000 < last.time_us - first.time_us < 4_000_000
    on_grid = (last.seq - first.seq) * 50_000
    assert abs(last.time_us - first.time_us - on_grid) < 50_000  # merged ticks cost no time: 2.5 to 14 % went so


def test_the_plants_link_carries_sensors_in_and_efforts_out(start: Start) -> None:
    mcu = start(plant=True)
    m = mcu.m
    mouth = m.MAVLink(None, srcSystem=255, srcComponent=1)
    ear = m.MAVLink(None)
    ear.robust_parsing = True
    position = [1000 * i for i in range(12)] + [5000, 0, 0, 0]
    sensors = m.MAVLink_plant_sensors_message(
        77, 5, 12.5, 0.25, position, [10] * 16, [-5] * 16, [50] * 12, [100, -100, 0], [1000, 0, -1000], [100] * 4,
        2000, 1500, 28_000, [255] * 4, [2] * 4, 128, [64, 255], 0,
    )  # fmt: skip
    mcu.plant.sendall(sensors.pack(mouth))
    answers: list[object] = []
    while not answers:
        answers += ear.parse_buffer(mcu.plant.recv(4096)) or []
    answer = answers[0]
    assert (answer.get_type(), answer.seq, answer.brake, answer.outputs_enabled) == ("PLANT_EFFORTS", 5, 0xFFFF, 0)
    mcu.status()
    mcu.listen()
    mcu.run_until("TOOL_STATE", "ANCHOR_STATE", "LIMB_WRENCH", "JOINT_STATE", "JOINT_STATE", "JOINT_STATE")
    tools = mcu.all("TOOL_STATE")[-1]
    assert (tools.weight_on_bit_n, tools.bus_voltage_v) == (pytest.approx(20.0), pytest.approx(28.0))
    assert (tools.energy_used_j, tools.spindle_current_a) == (12.5, pytest.approx(1.5))
    joints = {x.first_joint: x for x in mcu.all("JOINT_STATE")}
    assert joints[0].position[7] == pytest.approx(0.7)
    assert joints[8].position[4] == pytest.approx(0.1)
    assert joints[8].velocity[5] == pytest.approx(0.02)
    assert mcu.all("ANCHOR_STATE")[-1].slip_m[0] == pytest.approx(1e-3)
    assert list(mcu.all("LIMB_WRENCH")[-1].force) == [pytest.approx(1.0)] * 12


def test_the_stm32_image_arms_and_goes_safe_too(image: Path, oracle: ModuleType, miner: object, tmp_path: Path) -> None:
    """A second part, a second compiler target; not run on a board."""
    other = make("stm32f4_qemu") / "stm32f4_qemu.elf"
    mcu = Emulated("netduinoplus2", other, tmp_path, oracle, miner)
    try:
        assert mcu.all("CAPS")[-1].board == "qemu netduinoplus2"
        fly(mcu)
        mcu.listen()
        mcu.run(700_000)
        event = next(e for e in mcu.events() if e.fault == mcu.m.FAULT_HOST_TIMEOUT)
        assert 245.0 <= event.value <= 255.0
    finally:
        mcu.close()


def test_the_image_for_the_board_builds(image: Path) -> None:
    assert (make("stm32f4") / "stm32f4.elf").stat().st_size > 10_000
