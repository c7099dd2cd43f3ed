"""The line: what the device sends and when, and what noise on the way down can and cannot do."""

from __future__ import annotations

import json
import os
import random
import struct
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from building import DIALECT
from virtual import ARMED, DISARMED, ESTOP, HOLD, SAFING, Device

from stope.bridge.canonical import dialect_hash

GOLDEN = Path(__file__).parent / "golden_frames.txt"
FUZZ_FRAMES = int(os.environ.get("STOPE_FUZZ_FRAMES", "4000"))


# --- what goes up ----------------------------------------------------------------------------------------------------


def test_caps_say_who_this_is(device: Device) -> None:
    device.run(1000)
    told = device.all("CAPS")[0]
    assert told.boot_nonce == device.nonce
    assert told.dialect_hash == dialect_hash(DIALECT)
    assert bytes(told.limits_hash).hex() == device.model.limits_hash
    assert (told.joint_count, told.anchor_count, told.thruster_count, told.control_hz) == (16, 4, 4, 1000)
    assert (told.robot, told.board, told.uid, told.proto_version >> 16) == ("miner", "virtual", 7, 1)
    assert (told.host_timeout_ms, told.setpoint_max_age_ms) == (250, 50)


def test_caps_go_out_each_second_until_the_host_is_heard(device: Device) -> None:
    device.run(3_500_000)
    assert len(device.all("CAPS")) == 4
    device.alive()
    device.listen()
    device.stream(3_000_000)
    assert device.all("CAPS") == []


def test_a_sample_is_one_seq_in_all_its_messages_and_carries_what_the_sensors_say(device: Device) -> None:
    device.sensors.energy_used_j = 1234.5678
    for i in range(16):
        device.sensors.effort[i] = 0.25 * i
    for i in range(12):
        device.sensors.limb_force[i] = i - 6.5
    for i in range(3):
        device.sensors.gyro[i], device.sensors.accel[i] = 0.5 * i, 1.5 * i
    for limb in range(4):
        device.sensors.anchor_phase[limb] = limb
        device.sensors.anchor_engagement[limb] = limb / 4
        device.sensors.anchor_slip_m[limb] = limb * 1e-3
    device.sensors.drum_fill[1] = 0.75
    device.run(1000)
    device.listen()
    device.run(10_000)
    names = ["STATE", "JOINT_STATE", "JOINT_STATE", "LIMB_WRENCH", "ANCHOR_STATE", "TOOL_STATE"]
    sample = [m for m in device.heard if m.get_type() in names]
    assert [m.get_type() for m in sample] == names
    assert len({m.seq for m in sample}) == 1
    state, fore, aft, wrench, anchors, tools = sample
    assert (list(state.gyro), list(state.accel)) == ([0.0, 0.5, 1.0], [0.0, 1.5, 3.0])
    assert [*fore.effort, *aft.effort] == [0.25 * i for i in range(16)]
    assert (fore.first_joint, fore.valid_mask, aft.first_joint, aft.valid_mask) == (0, 255, 8, 255)
    assert fore.position[2] == device.sensors.position[2]
    assert list(wrench.force) == [i - 6.5 for i in range(12)]
    assert list(anchors.phase) == [0, 1, 2, 3]
    assert list(anchors.engagement) == [0.0, 0.25, 0.5, 0.75]
    assert anchors.slip_m[3] == pytest.approx(3e-3)
    assert (tools.energy_used_j, tools.drum_fill[1], tools.bus_voltage_v) == (1234.5678, 0.75, 28.0)
    assert state.time_us == fore.time_us == wrench.time_us == anchors.time_us == tools.time_us == device.now - 1000


def test_a_small_robot_masks_what_it_has_not_got(rig: Device) -> None:
    rig.run(10_000)
    assert [m.valid_mask for m in rig.all("JOINT_STATE")[:1]] == [0b11]
    assert rig.all("LIMB_WRENCH")[0].valid_mask == rig.all("ANCHOR_STATE")[0].valid_mask == 1
    assert rig.all("CAPS")[0].robot == "bench_rig"


def test_samples_come_on_their_grid(device: Device) -> None:
    device.run(1_000_000)
    times = [m.time_us for m in device.all("STATE")]
    assert len(times) == 101
    assert {b - a for a, b in pairwise(times[1:])} == {10_000}
    seqs = [m.seq for m in device.all("STATE")]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def test_timesync_is_answered_once_with_device_time(device: Device) -> None:
    device.run(1000)
    device.say(device.m.MAVLink_timesync_message(123456789, 0, 0))
    answer = device.all("TIMESYNC")[-1]
    assert (answer.t_host_tx_ns, answer.t_dev_rx_ns, answer.t_dev_tx_ns) == (
        123456789,
        device.now * 1000,
        device.now * 1000,
    )
    device.say(answer)
    assert len(device.all("TIMESYNC")) == 1


def test_ages_saturate_and_say_when_there_is_none(device: Device) -> None:
    device.run(1000)
    status = device.status()
    assert (status.host_age_ms, status.setpoint_age_ms) == (65535, 65535)
    device.alive()
    device.setpoint()
    device.run(70_000)
    status = device.status()
    assert 70 <= status.host_age_ms <= 80
    assert status.setpoint_age_ms == status.host_age_ms
    device.command(device.m.COMMAND_SET_RATE, 1.0)
    device.run(67_000_000)
    assert device.all("STATE")[-1].host_age_ms == 65534


def test_heartbeat_and_statistics_each_second(device: Device) -> None:
    device.fly()
    device.listen()
    device.stream(3_000_000)
    assert len(device.all("HEARTBEAT")) == len(device.all("LINK_STATS")) == 3
    beat, stats = device.all("HEARTBEAT")[-1], device.all("LINK_STATS")[-1]
    assert (beat.type, beat.autopilot, beat.base_mode, beat.custom_mode) == (18, 8, 128, ARMED)
    assert stats.rx_frames > 900
    assert 9 <= stats.host_gap_max_ms <= 11
    assert (stats.rx_bad_crc, stats.rx_seq_gaps, stats.tx_dropped, stats.rx_skipped_bytes) == (0, 0, 0, 0)


# --- a slow line -----------------------------------------------------------------------------------------------------


def test_on_a_slow_line_telemetry_is_dropped_and_answers_are_not_late(device: Device) -> None:
    device.boot(uart_baud=115_200)
    device.fly()
    lags = []
    for _ in range(40):
        device.command_seq += 1
        device.say(
            device.m.MAVLink_command_message(device.command_seq, device.nonce, [0.0] * 4, device.m.COMMAND_ECHO, 0)
        )
        asked = device.now
        while not any(a.seq == device.command_seq for a in device.acks()):
            device.alive()
            device.setpoint()
            device.run(1000)
        lags.append(device.now - asked)
        device.stream(20_000)
    assert max(lags) < 50_000  # at most one sample waits before it
    device.stream(2_000_000)
    assert device.all("LINK_STATS")[-1].tx_dropped > 100
    seqs = [m.seq for m in device.all("STATE")]
    assert len(seqs) > 40  # and samples still come
    assert seqs == sorted(seqs)
    complete = [
        [m.get_type() for m in device.heard if getattr(m, "seq", None) == s and m.get_type() == "TOOL_STATE"]
        for s in seqs[5:50]
    ]
    assert all(complete), "a sample goes out whole or not at all"


def test_at_full_speed_nothing_is_dropped(device: Device) -> None:
    device.boot(uart_baud=921_600)
    device.fly()
    device.stream(3_000_000)
    assert device.all("LINK_STATS")[-1].tx_dropped == 0


def test_a_host_that_stops_reading_blocks_nothing(device: Device) -> None:
    device.fly()
    device.deafen_host(True)
    for _ in range(100):
        device.alive()
        device.setpoint()
        device.run(10_000)
    assert device.state == ARMED
    device.setpoint(lifetime_us=20_000)
    device.run(251_000)
    assert device.state == SAFING  # and its timers run
    device.deafen_host(False)
    device.run(2_000_000)
    assert device.all("LINK_STATS")[-1].tx_dropped > 50


def test_an_estop_is_answered_though_the_ring_is_full_of_telemetry(device: Device) -> None:
    device.fly()
    device.command(device.m.COMMAND_SET_RATE, 1000.0)
    device.deafen_host(True)
    device.stream(100_000)
    device.say(device.m.MAVLink_estop_message(0x504F5453, 77, 1))
    assert device.state == ESTOP
    device.deafen_host(False)
    device.run(1000)
    assert device.acks()[-1].seq == 77


# --- what comes down -------------------------------------------------------------------------------------------------


def test_the_framer_loses_one_frame_for_one_hit(device: Device) -> None:
    device.fly()
    rng = random.Random(1)
    hits, sent = 0, 400
    device.listen()
    before = device.command_seq
    for _ in range(sent):
        device.command_seq += 1
        message = device.m.MAVLink_command_message(
            device.command_seq, device.nonce, [1.5] * 4, device.m.COMMAND_ECHO, 0
        )
        data = bytearray(device.frame(message))
        if rng.random() < 0.2:
            hits += 1
            at = rng.randrange(len(data))
            if rng.random() < 0.5:
                del data[at]
            else:
                data[at] ^= 1 << rng.randrange(8)
        device.rx(bytes(data))
        device.alive()
        device.setpoint()
        device.run(1000)
    device.stream(20_000)
    answered = {a.seq for a in device.acks() if before < a.seq <= device.command_seq}
    assert hits > 50
    assert len(answered) == sent - hits
    assert device.state == ARMED


def test_a_cut_frame_is_given_up_after_10_ms_of_silence(device: Device) -> None:
    device.run(1000)
    whole = device.frame(device.m.MAVLink_command_message(1, device.nonce, [1.0] * 4, device.m.COMMAND_ECHO, 0))
    long = device.frame(device.parts()[0])
    device.rx(long[:40] + whole)  # the whole one is swallowed by the length that the cut one claims
    assert device.acks() == []
    device.run(10_000)
    assert device.acks() == []
    device.run(1000)
    assert [a.seq for a in device.acks()] == [1]


def test_junk_before_between_and_after_frames(device: Device) -> None:
    device.run(1000)
    rng = random.Random(2)
    for seq in range(1, 101):
        junk = bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
        echo = device.m.MAVLink_command_message(seq, device.nonce, [2.0] * 4, device.m.COMMAND_ECHO, 0)
        device.rx(junk + device.frame(echo))
        device.run(30_000)
    assert {a.seq for a in device.acks()} == set(range(1, 101))


def test_trimmed_payloads_are_filled_with_zeros(device: Device) -> None:
    device.run(1000)
    echo = device.m.MAVLink_command_message(1, 0, [0.0] * 4, device.m.COMMAND_ECHO, 0)
    data = device.frame(echo)
    assert len(data) < 27 + 12
    device.rx(data)
    assert device.acks()[-1].result == device.m.RESULT_OK


def crc(data: bytes, extra: int) -> bytes:
    value = 0xFFFF
    for byte in (*data, extra):
        tmp = (byte ^ value) & 0xFF
        tmp = (tmp ^ tmp << 4) & 0xFF
        value = value >> 8 ^ tmp << 8 ^ tmp << 3 ^ tmp >> 4
    return struct.pack("<H", value)


def raw_frame(device: Device, **changes: int) -> bytes:
    """A valid ESTOP frame, but for `changes`."""
    payload = struct.pack("<IIB", 0x504F5453, 5, 1)
    parts = {"incompat": 0, "system": 255, "id": 55813, "extra": 150, "start": 0xFD, "length": len(payload), **changes}
    head = bytes([parts["length"], parts["incompat"], 0, 0, parts["system"], 190]) + parts["id"].to_bytes(3, "little")
    return bytes([parts["start"]]) + head + payload + crc(head + payload, parts["extra"])


def test_the_raw_frame_of_these_tests_is_a_good_one(device: Device) -> None:
    device.run(1000)
    device.rx(raw_frame(device))
    assert device.state == ESTOP


@pytest.mark.parametrize(
    "changes",
    [
        {"incompat": 1},  # signed, and we hold no key
        {"system": 1},  # our own echo
        {"system": 254},
        {"id": 55814},
        {"id": 300},
        {"id": 55813 | 1 << 16},
        {"extra": 151},  # built from another dialect
        {"start": 0xFE},  # MAVLink 1
        {"length": 10},
        {"length": 8},
        {"length": 0},
    ],
)
def test_frames_that_are_not_ours_do_nothing(device: Device, changes: dict[str, int]) -> None:
    device.run(1000)
    device.rx(raw_frame(device, **changes))
    device.run(20_000)
    assert device.state == DISARMED
    device.rx(raw_frame(device))
    assert device.state == ESTOP


def test_link_counters_tell_what_was_wrong(device: Device) -> None:
    device.run(1000)
    device.rx(raw_frame(device, extra=1))
    device.rx(raw_frame(device, id=300))
    device.rx(raw_frame(device, incompat=1))
    device.alive()
    device._mav.seq = (device._mav.seq + 3) % 256
    device.alive()
    device._mav.seq = 255
    device.alive()
    device.alive()  # over the wrap of the link's sequence: no gap
    device.run(1_000_000)
    stats = device.all("LINK_STATS")[-1]
    assert (stats.rx_bad_crc, stats.rx_unknown_id, stats.rx_bad_header) == (1, 1, 1)
    assert stats.rx_frames == 4
    assert stats.rx_seq_gaps == 3 + (255 - 5)
    assert stats.rx_skipped_bytes == 3 * 21


def test_bytes_lost_in_the_uart_are_told_within_a_tick(device: Device) -> None:
    device.fly()
    device.listen()
    device.lose_bytes(3, 2)
    device.run(1000)
    (event,) = device.events()
    assert (event.fault, event.value, event.time_us, event.state_after) == (device.m.FAULT_UART, 5.0, device.now, ARMED)
    device.stream(950_000)
    assert device.status().fault_flags & device.m.FAULT_UART
    device.stream(100_000)
    assert not device.status().fault_flags & device.m.FAULT_UART  # over after a second without more
    device.listen()
    device.lose_bytes(65_535, 2)  # the counters wrap
    device.run(1000)
    assert [event.value for event in device.events() if event.time_us == device.now] == [65_532.0]
    device.listen()
    device.stream(1_100_000)
    device.lose_bytes(0, 2)
    device.run(1000)
    assert [event.value for event in device.events() if event.time_us == device.now] == [1.0]


def test_a_flood_of_random_bytes_is_never_a_command(device: Device) -> None:
    device.fly()
    adopted = device.status().setpoint_seq
    rng = random.Random(3)
    for _ in range(20):
        device.rx(rng.randbytes(10_000))
        device.run(1000)
    assert device.status().setpoint_seq == adopted
    assert device.state in (ARMED, HOLD)
    device.run(20_000)
    device.alive()
    device.setpoint()
    assert device.status().setpoint_seq == device.seq  # and the link is whole again


def test_mutated_frames_break_no_invariant(device: Device) -> None:
    """Frames with flipped bytes and a repaired checksum: what no CRC can catch, the checks behind it must."""
    rng = random.Random(4)
    device.fly()
    rearmed = 0
    extras = {m.id: m.crc_extra for m in device.m.mavlink_map.values()}
    for count in range(FUZZ_FRAMES):
        for message in (
            device.parts()
            if count % 3
            else [
                device.m.MAVLink_command_message(
                    count + 10, device.nonce, [0.0] * 4, rng.choice([1, 2, 3, 4, 5, 7, 9, 11, 900]), 0
                )
            ]
        ):
            data = bytearray(device.frame(message))
            if rng.random() < 0.7:
                for _ in range(rng.choice([1, 1, 2, 8])):
                    data[10 + rng.randrange(len(data) - 12)] = rng.choice([0, 0x7F, 0x80, 0xFF, rng.randrange(256)])
                ident = int.from_bytes(data[7:10], "little")
                data[-2:] = crc(bytes(data[1:-2]), extras[ident])
            device.rx(bytes(data))
        if rng.random() < 0.8:
            device.alive()
        device.run(1000)
        efforts = device.efforts
        for joint, limits in enumerate(device.model.joints):
            assert abs(efforts.effort[joint]) <= limits.effort_max  # false for NaN
        assert all(0.0 <= thrust <= 3.0 for thrust in efforts.thrust_n)
        assert all(-1 <= drive <= 1 for drive in efforts.anchor)
        assert device.enabled == (device.state in (HOLD, ARMED, SAFING))
        if not device.enabled:
            assert efforts.braked == 0xFFFF
            assert not any(efforts.effort)
        if count % 50 == 49:  # bring it back
            device.run(20_000)
            device.alive()
            device.command_seq = device.status().command_seq
            device.command(device.m.COMMAND_CLEAR_ESTOP)
            device.command(device.m.COMMAND_CLEAR_FAULTS)
            status = device.status()
            newer = (status.refused_seq - status.setpoint_seq) % 2**32 < 2**31
            device.seq = status.refused_seq if newer and status.refused_seq else status.setpoint_seq
            device.alive()
            device.setpoint()
            device.command(device.m.COMMAND_ARM)
            rearmed += device.enabled
    assert rearmed > FUZZ_FRAMES // 50 // 2, "the fuzz spends its time in a latched state"


# --- golden frames ---------------------------------------------------------------------------------------------------


def golden() -> list[tuple[str, dict[str, object], bytes]]:
    lines = [line for line in GOLDEN.read_text().splitlines() if line and not line.startswith("#")]
    return [
        (name, json.loads(fields), bytes.fromhex(frame)) for name, fields, frame in (line.split("\t") for line in lines)
    ]


def test_golden_frames_are_what_the_oracle_writes(device: Device) -> None:
    names = set()
    for name, fields, frame in golden():
        message = getattr(device.m, f"MAVLink_{name.lower()}_message")(
            *[v.encode() if isinstance(v, str) else v for v in fields.values()]
        )
        codec = device.m.MAVLink(None, srcSystem=frame[5], srcComponent=frame[6])
        codec.seq = frame[4]
        assert message.pack(codec) == frame, name
        assert list(fields) == message.fieldnames
        names.add(name)
    root = ElementTree.parse(DIALECT).getroot()
    assert names == {m.attrib["name"] for m in root.iter("message")}


def test_golden_frames_of_the_host_are_taken_by_the_device(device: Device) -> None:
    device.run(1000)
    down = [frame for _, _, frame in golden() if frame[5] == 255]
    for frame in down:
        device.rx(frame)
    device.run(1_000_000)
    stats = device.all("LINK_STATS")[-1]
    assert (stats.rx_frames, stats.rx_bad_crc, stats.rx_bad_header, stats.rx_unknown_id) == (len(down), 0, 0, 0)


def test_the_canonical_text_ignores_what_does_not_change_bytes(tmp_path: Path) -> None:
    text = DIALECT.read_text()
    other = tmp_path / "other.xml"
    other.write_text(text.replace("device clock", "the device's clock").replace("<!-- ", "<!-- indeed "))
    assert dialect_hash(other) == dialect_hash(DIALECT)
    for change in (
        ('uint32_t" name="loop_count', 'uint16_t" name="loop_count'),
        ('units="ms"', 'units="s"'),
        ('value="901"', 'value="902"'),
    ):
        other.write_text(text.replace(*change))
        assert dialect_hash(other) != dialect_hash(DIALECT)
