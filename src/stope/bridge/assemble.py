"""Telemetry of one sample to an Observation. The only place where joint signs are applied on the way up.

A sample is whole or it is nothing: STATE, JOINT_STATE per eight joints, LIMB_WRENCH, ANCHOR_STATE and TOOL_STATE with
one seq. A sample with a joint or limb that the device calls invalid, or with a number that is not finite, is a gap: it
is counted, and never filled in with a guess.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

import numpy as np

from stope.bridge.codec import Codec, MessageType, Received
from stope.bridge.telemetry import DeviceState
from stope.robot.messages import AnchorPhase, Applied, Codes, Health, Observation, Vector
from stope.robot.model import RobotModel

JOINTS_PER_PART = 8
LIMBS_PER_PART = 4
DRUMS_PER_PART = 2
LAST_PHASE = int(max(AnchorPhase))
WORD = 4  #: bytes of a float; parts are laid one behind the other at multiples of it

SAMPLE_MESSAGES = ("STATE", "JOINT_STATE", "LIMB_WRENCH", "ANCHOR_STATE", "TOOL_STATE")
SCALARS = ("weight_on_bit_n", "spindle_current_a", "bin_fill", "propellant_kg", "bus_voltage_v")

Part = tuple[str, int]

_DOUBLE = struct.Struct("<d")


class Sample(NamedTuple):
    """One whole sample, in the robot's own signs; see Observation for units and frames.

    Attributes:
        reals: every number of it in the order of `Layout`; anchor_phase: (limbs).
    """

    state: DeviceState
    layout: Layout
    reals: Vector
    energy_used_j: float
    anchor_phase: Codes

    def observation(self, applied: Applied, health: Health, fault_flags: int, zero_us: int) -> Observation:
        """The sample as the seam has it, with what the session knows besides; `zero_us` is run time 0 on the device."""
        state, reals, at = self.state, self.reals, self.layout.places
        weight_on_bit_n, spindle_current_a, bin_fill, propellant_kg, bus_voltage_v = reals[at["scalars"]].tolist()
        return Observation(
            time_us=state.time_us - zero_us,
            device_time_us=state.time_us,
            seq=state.seq,
            joint_position=reals[at["position"]],
            joint_velocity=reals[at["velocity"]],
            joint_effort=reals[at["effort"]],
            imu_gyro_rad_s=reals[at["gyro"]],
            imu_accel_m_s2=reals[at["accel"]],
            limb_force_n=reals[at["force"]].reshape(-1, 3),
            anchor_phase=self.anchor_phase,
            anchor_engagement=reals[at["engagement"]],
            anchor_slip_m=reals[at["slip_m"]],
            weight_on_bit_n=weight_on_bit_n,
            spindle_current_a=spindle_current_a,
            bin_fill=bin_fill,
            drum_fill=reals[at["drum_fill"]],
            propellant_kg=propellant_kg,
            bus_voltage_v=bus_voltage_v,
            energy_used_j=self.energy_used_j,
            safety=state.safety,
            fault_flags=fault_flags,
            applied=applied,
            health=health,
        )


class Layout:
    """Where the numbers of a sample lie when its parts are laid one behind the other: so one pass reads all of them.

    Attributes:
        needed: the parts, in that order; places: slices of `Sample.reals`.
    """

    def __init__(self, codec: Codec, model: RobotModel) -> None:
        joints, limbs = len(model.joints), len(model.limbs)
        drums = len(model.drums.joints) if model.drums else 0
        blocks = range(0, joints, JOINTS_PER_PART)
        self.needed: tuple[Part, ...] = (
            *(("JOINT_STATE", first) for first in blocks),
            *((name, 0) for name in ("STATE", "LIMB_WRENCH", "ANCHOR_STATE", "TOOL_STATE")),
        )
        self._kinds = {part: codec.types[part[0]] for part in self.needed}
        self._sizes = [-(-self._kinds[part].size // WORD) * WORD for part in self.needed]
        starts = np.cumsum([0, *self._sizes]).tolist()
        self._starts: dict[Part, int] = dict(zip(self.needed, starts, strict=False))
        groups = {
            name: list(chain.from_iterable(self._words(("JOINT_STATE", first), name, 8) for first in blocks))[:joints]
            for name in ("position", "velocity", "effort")
        }
        groups["force"] = self._words(("LIMB_WRENCH", 0), "force", 3 * limbs)
        groups["engagement"] = self._words(("ANCHOR_STATE", 0), "engagement", limbs)
        groups["slip_m"] = self._words(("ANCHOR_STATE", 0), "slip_m", limbs)
        groups["drum_fill"] = self._words(("TOOL_STATE", 0), "drum_fill", drums)
        groups["gyro"] = self._words(("STATE", 0), "gyro", 3)
        groups["accel"] = self._words(("STATE", 0), "accel", 3)
        groups["scalars"] = [word for name in SCALARS for word in self._words(("TOOL_STATE", 0), name, 1)]
        ends = np.cumsum([len(words) for words in groups.values()]).tolist()
        self.places = {name: slice(end - len(groups[name]), end) for name, end in zip(groups, ends, strict=True)}
        self._index = np.array(list(chain.from_iterable(groups.values())))
        self._signs = np.ones(len(self._index))
        self._signs[: 3 * joints] = [joint.sign for joint in model.joints] * 3
        self._energy = self._words(("TOOL_STATE", 0), "energy_used_j", 1)[0] * WORD
        self._phase = slice(at := self._byte(("ANCHOR_STATE", 0), "phase"), at + limbs)
        self._valid_joints = [self._byte(("JOINT_STATE", first), "valid_mask") for first in blocks]
        self._valid_limbs = [self._byte((name, 0), "valid_mask") for name in ("LIMB_WRENCH", "ANCHOR_STATE")]
        self._names = [joint.name for joint in model.joints]
        self._every_joint, self._every_limb = (1 << joints) - 1, (1 << limbs) - 1

    def read(self, state: DeviceState, payloads: Mapping[Part, bytes]) -> Sample | str:
        """The sample of these parts, or why it is none."""
        whole = b"".join(
            [payloads[part].ljust(size, b"\0") for part, size in zip(self.needed, self._sizes, strict=True)]
        )
        reals = np.frombuffer(whole, "<f4")[self._index] * self._signs
        (energy_used_j,) = _DOUBLE.unpack_from(whole, self._energy)
        if gap := self._gap(whole):
            return gap
        # The sum of finite numbers is finite (they are floats of 32 bits in doubles), and any other spoils it.
        if not math.isfinite(reals.sum() + energy_used_j):
            return "the device sent a number that is not finite"
        phase = np.frombuffer(whole[self._phase], np.int8)
        if max(whole[self._phase]) > LAST_PHASE:
            return "the device sent an anchor phase that this host does not know"
        reals.setflags(write=False)
        return Sample(state, self, reals, energy_used_j, phase)

    def _gap(self, whole: bytes) -> str:
        """What the device itself calls invalid; usually nothing."""
        joints = 0
        for block, at in enumerate(self._valid_joints):
            joints |= whole[at] << JOINTS_PER_PART * block
        if lost := self._every_joint & ~joints:
            return f"the device calls {', '.join(n for i, n in enumerate(self._names) if lost >> i & 1)} invalid"
        wrench, anchors = self._valid_limbs
        if self._every_limb & ~(whole[wrench] & whole[anchors]):
            return "the device calls a limb's sensors invalid"
        return ""

    def _words(self, part: Part, field: str, count: int) -> list[int]:
        """Indices of a field's floats."""
        at = self._byte(part, field)
        assert at % WORD == 0, f"{part}: {field} does not lie on a multiple of {WORD} bytes"
        return [at // WORD + i for i in range(count)]

    def _byte(self, part: Part, field: str) -> int:
        return self._starts[part] + self._kinds[part].offset(field)


class Assembler:
    """Collects the parts of samples.

    Attributes:
        dropped: samples that never became whole; replayed: parts older than the last whole sample.
        gap: why the last sample was not used; empty when it was.
    """

    def __init__(self, codec: Codec, model: RobotModel) -> None:
        self._layout = Layout(codec, model)
        self._seqs = {name: _bytes_of(codec.types[name], "seq", 4) for name in SAMPLE_MESSAGES}
        self._first = _bytes_of(codec.types["JOINT_STATE"], "first_joint", 1)
        self._payloads: dict[Part, bytes] = {}
        self._needed = frozenset(self._layout.needed)
        self._state: DeviceState | None = None
        self._seq: int | None = None
        self._whole: int | None = None
        self.dropped = 0
        self.replayed = 0
        self.gap = ""

    def take(self, message: Received, state: DeviceState | None) -> Sample | None:
        """The sample that is whole with `message`, if it is; `state` is the message, typed, when it is a STATE."""
        name, payload = message.name, message.payload
        seq = int.from_bytes(payload[self._seqs[name]], "little")
        if self._whole is not None and not 0 < (seq - self._whole) & 0xFFFFFFFF < 1 << 31:
            self.replayed += 1
            return None
        if seq != self._seq:
            self._seq, self._payloads = seq, {}
        first = int.from_bytes(payload[self._first], "little") if name == "JOINT_STATE" else 0
        self._payloads[name, first] = payload
        if state is not None:
            self._state = state
        if not self._needed <= self._payloads.keys():
            return None
        if self._whole is not None:
            self.dropped += (seq - self._whole - 1) & 0xFFFFFFFF
        self._whole = seq
        assert self._state is not None
        sample = self._layout.read(self._state, self._payloads)
        if isinstance(sample, str):
            self.gap = sample
            self.dropped += 1
            return None
        self.gap = ""
        return sample


def _bytes_of(kind: MessageType, field: str, size: int) -> slice:
    at = kind.offset(field)
    return slice(at, at + size)
