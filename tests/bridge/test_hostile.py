"""A device that is wrong, old, foreign or hostile: what no right firmware does. Its frames are pymavlink's."""

from __future__ import annotations

import struct
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.bridge.canonical import dialect_hash
from stope.bridge.codec import Codec
from stope.bridge.commands import RETRY_NS, TRIES, Answer, CommandDesk
from stope.bridge.dialect import dialect_file
from stope.bridge.errors import (
    DeniedError,
    DeviceRebootedError,
    IdentityError,
    LimitsMismatchError,
    LinkError,
    NoAnswerError,
    ProtocolMismatchError,
)
from stope.bridge.session import Phase, Session
from stope.bridge.telemetry import FaultEvent, LinkReport, Rebooted
from stope.robot.messages import SafetyState
from stope.robot.model import RobotModel

MS = 1_000_000


class Impostor:
    """Says what it is told to say, and shifts its link sequence as a device does."""

    def __init__(self, oracle: ModuleType, model: RobotModel, system: int = 1) -> None:
        self.oracle, self.model = oracle, model
        self.mav = oracle.MAVLink(None, srcSystem=system, srcComponent=1)
        self.host = oracle.MAVLink(None)
        self.host.robust_parsing = True

    def says(self, name: str, /, **fields: Any) -> bytes:
        """One frame; fields that are not given are zero."""
        kind = next(k for k in self.oracle.mavlink_map.values() if k.msgname == name)
        filled = {}
        for field, of_type, length in zip(kind.fieldnames, kind.fieldtypes, array_lengths(kind), strict=True):
            zero: Any = b"" if of_type == "char" else [0] * length if length else 0
            filled[field] = fields.pop(field, zero)
        assert not fields, fields
        frame = bytes(kind(**filled).pack(self.mav))
        self.mav.seq = (self.mav.seq + 1) & 0xFF
        return frame

    def caps(self, **change: Any) -> bytes:
        model = self.model
        right: dict[str, Any] = {
            "uid": 0xAB, "proto_version": 1 << 16, "dialect_hash": dialect_hash(dialect_file()), "boot_nonce": 7,
            "joint_count": len(model.joints), "anchor_count": len(model.limbs), "thruster_count": len(model.thrusters),
            "limits_hash": list(bytes.fromhex(model.limits_hash)), "board": b"impostor", "robot": model.name.encode(),
        }  # fmt: skip
        return self.says("CAPS", **(right | change))

    def sample(self, number: int, time_us: int, **state: Any) -> bytes:
        """A whole sample of the bench rig."""
        common = {"time_us": time_us, "seq": number}
        return b"".join(
            (
                self.says("STATE", **(common | {"safety_state": 1} | state)),
                self.says("JOINT_STATE", **common, valid_mask=3),
                self.says("LIMB_WRENCH", **common, valid_mask=1),
                self.says("ANCHOR_STATE", **common, valid_mask=1),
                self.says("TOOL_STATE", **common, bus_voltage_v=24.0),
            )
        )

    def hears(self, data: bytes) -> list[Any]:
        """The host's messages."""
        return [m for m in self.host.parse_buffer(data) or [] if m.get_type() != "BAD_DATA"]


def array_lengths(kind: Any) -> list[int]:
    """Array lengths in declared order."""
    return [kind.array_lengths[kind.ordered_fieldnames.index(name)] for name in kind.fieldnames]


class Pair:
    """A session and an impostor, with the time between them."""

    def __init__(self, oracle: ModuleType, codec: Codec, model: RobotModel, **options: Any) -> None:
        self.device = Impostor(oracle, model)
        self.session = Session(codec, model, **options)
        self.now = 0

    def hear(self, data: bytes, later_ns: int = MS) -> None:
        self.now += later_ns
        self.session.receive(data, self.now)

    def asked(self, later_ns: int = MS) -> list[Any]:
        """What the host says after that time."""
        self.now += later_ns
        self.session.tick(self.now)
        return self.device.hears(self.session.take_urgent() + self.session.take_outgoing())

    def ready(self) -> Pair:
        """Through the handshake, with a clock that is 5 s ahead of the host's."""
        self.hear(self.device.caps() + self.device.sample(1, 1000))
        for _ in range(2000):
            for message in self.asked():
                if message.get_type() == "TIMESYNC":
                    stamp = message.t_host_tx_ns + 5_000_000_000
                    answer = {"t_host_tx_ns": message.t_host_tx_ns, "t_dev_rx_ns": stamp, "t_dev_tx_ns": stamp}
                    self.hear(self.device.says("TIMESYNC", **answer))
            if self.session.phase is Phase.READY:
                return self
        raise AssertionError("never ready")


@pytest.fixture
def pair(oracle: ModuleType, codec: Codec, rig: RobotModel) -> Pair:
    return Pair(oracle, codec, rig)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"proto_version": 2 << 16}, ProtocolMismatchError, "update this host"),
        ({"proto_version": 9}, ProtocolMismatchError, "update the firmware"),
        ({"dialect_hash": 1}, ProtocolMismatchError, "from the same release"),
        ({"robot": b"miner"}, LimitsMismatchError, "built for the robot 'miner'"),
        ({"limits_hash": [0] * 32}, LimitsMismatchError, "generate the limits"),
        ({"joint_count": 3}, LimitsMismatchError, r"\(3, 1, 0\) joints"),
    ],
)
def test_another_device_is_refused_with_what_to_do(pair: Pair, change: dict[str, Any], error: Any, told: str) -> None:
    with pytest.raises(error, match=told):
        pair.hear(pair.device.caps(**change))
    assert pair.session.phase is Phase.OPENING
    with pytest.raises(LinkError, match="connect first"):
        pair.session.command("ARM", pair.now)


def test_a_minor_version_may_differ(pair: Pair) -> None:
    pair.hear(pair.device.caps(proto_version=1 << 16 | 7) + pair.device.sample(1, 1000))
    assert pair.session.phase is Phase.SYNCING


def test_another_board_is_refused(oracle: ModuleType, codec: Codec, rig: RobotModel) -> None:
    pair = Pair(oracle, codec, rig, expected_uid=0xAC)
    with pytest.raises(IdentityError, match="00000000000000ac"):
        pair.hear(pair.device.caps())


def test_a_foreign_sender_is_counted_and_not_believed(pair: Pair, oracle: ModuleType, rig: RobotModel) -> None:
    stranger = Impostor(oracle, rig, system=42)
    pair.hear(stranger.caps() + stranger.sample(1, 1000))
    assert pair.session.caps is None
    assert pair.session.state is None
    assert pair.session.link.counters.foreign == 6


def test_caps_are_asked_for_with_a_number_that_the_device_has_not_answered(pair: Pair) -> None:
    pair.hear(pair.device.sample(1, 1000, command_seq=500))
    requests = [m for _ in range(200) for m in pair.asked(10 * MS) if m.get_type() == "COMMAND"]
    numbers = [m.seq for m in requests]
    assert len(numbers) in (4, 5)  # twice a second
    assert numbers[0] > 500
    assert numbers == sorted(set(numbers))


def test_the_clock_is_found_and_follows(pair: Pair) -> None:
    pair.ready()
    assert pair.session.time.device_us(pair.now) == pytest.approx((pair.now + 5e9) / 1000, abs=1001)
    assert pair.session.time.uncertainty_us(pair.now) < 1100
    assert pair.session.time.uncertainty_us(pair.now + 3600 * 10**9) > 3e5  # an hour later nobody is that sure


def test_time_answers_that_cannot_be_true_are_not_used(pair: Pair) -> None:
    pair.ready()
    before = pair.session.time.device_us(pair.now)
    began, far = pair.now, 10**15
    for rx, tx in ((far, far - 1), (far, far + 10**12)):  # back in time; held for longer than it took
        (request,) = [m for m in pair.asked(1100 * MS) if m.get_type() == "TIMESYNC"]
        pair.hear(pair.device.says("TIMESYNC", t_host_tx_ns=request.t_host_tx_ns, t_dev_rx_ns=rx, t_dev_tx_ns=tx))
    pair.hear(pair.device.says("TIMESYNC", t_host_tx_ns=12345, t_dev_rx_ns=far, t_dev_tx_ns=far))  # never asked
    assert pair.session.time.device_us(pair.now) - before == (pair.now - began) // 1000


def test_replayed_telemetry_is_not_believed_and_the_device_is_asked(pair: Pair) -> None:
    old = pair.device.sample(5, 500_000, safety_state=3)
    pair.ready()
    pair.hear(pair.device.sample(900, 9_000_000))
    pair.session.take_events()
    pair.hear(old)
    assert pair.session.state is not None
    assert pair.session.state.safety is SafetyState.DISARMED
    observation = pair.session.observation
    assert observation is not None
    assert observation.time_us == 9_000_000
    asked = [m for m in pair.asked(600 * MS) if m.get_type() == "COMMAND"]
    assert [m.command for m in asked] == [8]  # REQUEST_CAPS
    pair.hear(pair.device.caps())  # same nonce: it was a replay, and the session goes on
    assert pair.session.phase is Phase.READY
    assert pair.session._inbox._assembler.replayed >= 1


def test_a_new_nonce_ends_the_session_at_once(pair: Pair) -> None:
    pair.ready()
    pair.hear(pair.device.caps(boot_nonce=8, reset_cause=1))
    assert pair.session.phase is Phase.REBOOTED
    assert Rebooted(7, 8, "WATCHDOG") in pair.session.take_events()
    for refused in (
        lambda: pair.session.command("ARM", pair.now),
        lambda: pair.session.alive(True, pair.now),
        lambda: pair.session.request_parameters(),
    ):
        with pytest.raises(DeviceRebootedError):
            refused()
    pair.hear(pair.device.sample(901, 9_100_000, safety_state=3))
    assert pair.session.state is not None
    assert pair.session.state.safety is SafetyState.DISARMED  # nothing of the new boot is believed
    pair.session.estop(0, pair.now)  # but stopping works with anything that listens
    assert [m.get_type() for m in pair.asked()] == ["ESTOP"]


def test_a_parameter_of_an_unknown_type_is_counted(pair: Pair) -> None:
    pair.ready()
    pair.hear(pair.device.says("PARAM_VALUE", name=b"NEWER", type=99))
    assert "NEWER" not in pair.session.parameters
    assert pair.session._inbox.malformed == 1


def test_an_unknown_safety_state_is_no_state(pair: Pair) -> None:
    pair.ready()
    pair.hear(pair.device.sample(900, 9_000_000, safety_state=77))
    assert pair.session.state is not None
    assert pair.session.state.time_us == 1000
    assert pair.session._inbox.malformed == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("message", "field"),
    [("STATE", "gyro"), ("STATE", "accel"), ("JOINT_STATE", "position"), ("TOOL_STATE", "weight_on_bit_n")],
)
def test_a_number_that_is_not_finite_makes_the_sample_a_gap(pair: Pair, message: str, field: str, bad: float) -> None:
    pair.ready()
    seen = pair.session.observation
    whole = pair.device.sample(900, 9_000_000)
    frames, at = [], 0
    while at < len(whole):
        length = whole[at + 1] + 12
        frames.append(whole[at : at + length])
        at += length
    kind = pair.session._codec.types[message]
    for index, frame in enumerate(frames):
        if int.from_bytes(frame[7:10], "little") == kind.id:
            flat = list(kind.values(frame[10:-2]))
            place = next(slot.at for slot in kind._slots if slot.name == field)
            flat[place.start if isinstance(place, slice) else place] = bad
            frames[index] = kind.frame(flat, frame[4], 1, 1)
    pair.hear(b"".join(frames))
    assert pair.session.observation is seen
    assert "not finite" in pair.session.gap
    pair.hear(pair.device.sample(901, 9_010_000))
    newest = pair.session.observation
    assert newest is not None
    assert (newest.seq, newest.health.dropped) == (901, 1 + 898)


def test_half_a_sample_is_a_gap(pair: Pair) -> None:
    pair.ready()
    pair.hear(pair.device.sample(2, 9_000_000)[:-40])
    pair.hear(pair.device.sample(3, 9_010_000), later_ns=20 * MS)
    newest = pair.session.observation
    assert newest is not None
    assert (newest.seq, newest.health.dropped) == (3, 1)


def test_an_answer_to_nothing_is_counted(pair: Pair) -> None:
    pair.ready()
    pair.hear(pair.device.says("COMMAND_ACK", seq=4711))
    assert pair.session._desk is not None
    assert pair.session._desk.counters.unexpected == 1
    assert not any(isinstance(event, Answer) for event in pair.session.take_events())


def test_an_answer_to_another_command_of_the_same_number_is_no_answer(pair: Pair) -> None:
    pair.ready()
    seq = pair.session.command("ARM", pair.now)
    pair.hear(pair.device.says("COMMAND_ACK", seq=seq, command=55813))
    assert pair.session.answer(seq) is None
    pair.hear(pair.device.says("COMMAND_ACK", seq=seq, command=1))
    answer = pair.session.answer(seq)
    assert answer is not None
    assert answer.ok


def test_a_command_is_repeated_every_50_ms_and_given_up_after_ten_tries(pair: Pair) -> None:
    pair.ready()
    began = pair.now
    seq = pair.session.command("ARM", pair.now)
    sent_at = []
    for _ in range(700):
        sent_at += [pair.now - began for m in pair.asked() if m.get_type() == "COMMAND" and m.seq == seq]
    assert len(sent_at) == TRIES
    assert all(48 * MS <= b - a <= 52 * MS for a, b in pairwise(sent_at))
    answer = pair.session.answer(seq)
    assert answer is not None
    with pytest.raises(NoAnswerError, match="did not answer ARM in 10 tries"):
        answer.demand()


def test_a_refusal_names_what_stands_in_the_way(pair: Pair) -> None:
    pair.ready()
    seq = pair.session.command("ARM", pair.now)
    in_progress, denied = 6, 1
    pair.hear(pair.device.says("COMMAND_ACK", seq=seq, command=1, result=in_progress))
    assert pair.session.answer(seq) is None
    pair.hear(pair.device.says("COMMAND_ACK", seq=seq, command=1, result=denied, blocking_flags=1 | 262144))
    answer = pair.session.answer(seq)
    assert answer is not None
    with pytest.raises(DeniedError, match="HOST_TIMEOUT, ESTOP_INPUT") as caught:
        answer.demand()
    assert caught.value.result == "DENIED"


def test_stopping_withdraws_an_arming_that_was_not_answered(pair: Pair) -> None:
    pair.ready()
    pair.session.command("ARM", pair.now)
    pair.asked()
    pair.session.command("SAFE", pair.now)
    said = [m for _ in range(100) for m in pair.asked(10 * MS) if m.get_type() == "COMMAND"]
    assert {m.command for m in said} == {11}


def test_a_fault_told_again_and_again_is_one_event_and_acknowledged_each_time(pair: Pair) -> None:
    pair.ready()
    fault = {"time_us": 5, "seq": 3, "fault": 1024, "value": 1.0, "limit": 2.0, "source": 1, "severity": 3}
    acknowledged = 0
    for _ in range(3):
        pair.hear(pair.device.says("FAULT_EVENT", **fault))
        for message in pair.asked():
            if message.get_type() == "COMMAND":
                assert (message.command, message.param[0]) == (7, 3.0)
                acknowledged += 1
                pair.hear(pair.device.says("COMMAND_ACK", seq=message.seq, command=7))
    events = [event for event in pair.session.take_events() if isinstance(event, FaultEvent)]
    assert [(event.fault, event.source) for event in events] == [("ENCODER", 1)]
    assert acknowledged == 3


def test_counters_that_wrap_go_on(pair: Pair) -> None:
    pair.ready()
    for stale in (65530, 4, 10):
        pair.hear(pair.device.says("LINK_STATS", time_us=1, refused_stale=stale, stack_free=100))
    reports = [event for event in pair.session.take_events() if isinstance(event, LinkReport)]
    assert [report.counters["refused_stale"] for report in reports] == [65530, 65540, 65546]
    assert reports[-1].counters["stack_free"] == 100


def test_signs_of_life_are_at_most_67_a_second_and_count_on(pair: Pair) -> None:
    pair.ready()
    said = []
    for _ in range(200):
        pair.session.alive(True, pair.now)
        said += [m for m in pair.asked(5 * MS) if m.get_type() == "HOST_ALIVE"]
    assert 49 <= len(said) <= 67
    assert [m.loop_count for m in said] == list(range(1, len(said) + 1))
    assert {m.session for m in said} == {7}


@settings(derandomize=True, max_examples=200)
@given(data=st.lists(st.binary(max_size=200), max_size=10), before=st.booleans())
def test_junk_never_raises_and_never_makes_a_state(
    oracle: ModuleType, codec: Codec, rig: RobotModel, data: list[bytes], before: bool
) -> None:
    pair = Pair(oracle, codec, rig)
    if not before:
        pair.ready()
    state = pair.session.state
    for piece in data:
        pair.hear(piece)
        pair.asked(20 * MS)
    assert pair.session.state is state


@settings(derandomize=True, max_examples=300)
@given(name=st.sampled_from(("STATE", "JOINT_STATE", "LIMB_WRENCH", "ANCHOR_STATE", "TOOL_STATE", "COMMAND_ACK",
                             "TIMESYNC", "FAULT_EVENT", "LINK_STATS", "LOG", "HEARTBEAT", "SETPOINT", "PARAM_VALUE")),
       payload=st.binary(min_size=1, max_size=255))  # fmt: skip
def test_any_payload_of_a_right_frame_is_survived(
    oracle: ModuleType, codec: Codec, rig: RobotModel, name: str, payload: bytes
) -> None:
    """A hostile device with the right checksums may lie; it may not make the host fall over."""
    pair = Pair(oracle, codec, rig).ready()
    kind = codec.types[name]
    flat = struct.unpack(kind.message.format.format, payload[: kind.size].ljust(kind.size, b"\0"))
    pair.hear(kind.frame(flat, 99, 1, 1))
    observation = pair.session.observation
    assert observation is not None
    pair.asked(100 * MS)
    pair.session.take_events()


def test_a_desk_never_hands_out_zero(codec: Codec) -> None:
    desk = CommandDesk(codec.dialect, lambda name, fields: None, 0xFFFFFFFE)
    assert [desk.next_seq() for _ in range(3)] == [0xFFFFFFFF, 1, 2]
    assert RETRY_NS == 50 * MS
