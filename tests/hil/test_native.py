"""The core as a native process in real time."""

from __future__ import annotations

import os
import socket
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from building import make
from emulated import Wired, native
from hosting import ARMED, DISARMED, ESTOP, SAFING


@pytest.fixture(scope="module")
def binary(libraries: dict[str, Path]) -> Path:
    return make("posix") / "stope_fw"


@pytest.fixture
def process(binary: Path, oracle: ModuleType, miner: object) -> Iterator[Wired]:
    wired = native(binary, oracle, miner)
    wired.period_us = 10_000
    yield wired
    wired.close()


def test_it_arms_flies_and_goes_safe_when_the_host_falls_silent(process: Wired) -> None:
    process.fly()
    process.stream(500_000)
    assert process.state == ARMED
    process.listen()
    last = process.now
    process.run_until("FAULT_EVENT")
    stale, *_ = process.events()
    assert stale.fault == process.m.FAULT_SETPOINT_STALE
    process.run(400_000)
    lost = next(e for e in process.events() if e.fault == process.m.FAULT_HOST_TIMEOUT)
    assert lost.state_after == SAFING
    assert 245.0 <= lost.value <= 255.0
    assert lost.time_us > last


def test_estop_and_back(process: Wired) -> None:
    process.fly()
    process.say(process.m.MAVLink_estop_message(0x504F5453, 5, 0))
    process.run_until("COMMAND_ACK")
    process.run(50_000)
    assert process.state == ESTOP
    process.alive()
    assert process.command(process.m.COMMAND_CLEAR_ESTOP).safety_state == DISARMED


def test_a_reboot_is_another_session(process: Wired) -> None:
    process.run(20_000)
    before = process.nonce
    process.command(process.m.COMMAND_REBOOT)
    process.listen()
    process.plug()
    process.greet()
    assert process.nonce != before
    assert process.all("CAPS")[-1].reset_cause == process.m.RESET_CAUSE_SOFT


def test_saved_parameters_lie_in_a_file(binary: Path, oracle: ModuleType, miner: object, tmp_path: Path) -> None:
    memory = tmp_path / "nvm"
    hashes = []
    for _ in range(2):
        wired = native(binary, oracle, miner, "--nvm", str(memory))
        hashes.append(wired.all("CAPS")[-1].param_hash)
        raw = [200, 0, 0, 0, 0, 0, 0, 0]
        wired.say(oracle.MAVLink_param_set_message(1, wired.nonce, raw, b"HOST_TIMEOUT_MS", 3))
        wired.command_seq = 1
        assert wired.command(oracle.COMMAND_PARAM_SAVE).result == oracle.RESULT_OK
        wired.close()
    assert hashes[0] != hashes[1]
    assert memory.stat().st_size == 64 + 52


def test_without_descriptors_it_opens_a_raw_pty(binary: Path, oracle: ModuleType) -> None:
    process = subprocess.Popen([str(binary)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        name = process.stdout.readline().split()[1].decode()
        fd = os.open(name, os.O_RDWR | os.O_NOCTTY)
        assert not termios.tcgetattr(fd)[3] & (termios.ECHO | termios.ICANON)
        ear = oracle.MAVLink(None)
        ear.robust_parsing = True
        heard: list[str] = []
        while "CAPS" not in heard:
            heard += [m.get_type() for m in ear.parse_buffer(os.read(fd, 4096)) or []]
        os.close(fd)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_plants_link_wraps_continuous_joints_and_rounds_efforts(
    binary: Path, oracle: ModuleType, miner: object
) -> None:
    ours, theirs = socket.socketpair()
    plant_ours, plant_theirs = socket.socketpair()
    command = [str(binary), "--host-fd", str(theirs.fileno()), "--plant-fd", str(plant_theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno(), plant_theirs.fileno()])
    theirs.close()
    plant_theirs.close()
    wired = Wired(process, ours, oracle, miner)
    mouth, ear = oracle.MAVLink(None, srcSystem=255, srcComponent=1), oracle.MAVLink(None)
    ear.robust_parsing = True
    try:
        for seq, turned in enumerate((32_000, -32_536, -31_536, -32_536), 1):  # on by 1000 counts twice, back by 1000
            position = [0] * 13 + [turned, 0, 0]
            sensors = oracle.MAVLink_plant_sensors_message(
                seq, seq, 0.0, 0.5, position, [0] * 16, [0] * 16, [0] * 12, [0] * 3, [0] * 3, [0] * 4,
                0, 0, 28_000, [0] * 4, [0] * 4, 0, [0, 0], 0,
            )  # fmt: skip
            plant_ours.sendall(sensors.pack(mouth))
            answers: list[object] = []
            while not answers:
                answers += ear.parse_buffer(plant_ours.recv(4096)) or []
            assert [a.seq for a in answers] == [seq]
        wired.listen()
        wired.run_until(*["JOINT_STATE"] * 4)
        spindle = next(m for m in reversed(wired.all("JOINT_STATE")) if m.first_joint == 8).position[5]
        assert spindle == pytest.approx(33.0, abs=1e-3)
    finally:
        wired.close()
        plant_ours.close()
