"""Telemetry of one sample to an Observation. The only place where joint signs are applied on the way up.

A sample is whole or it is nothing: STATE, JOINT_STATE per eight joints, LIMB_WRENCH, ANCHOR_STATE and TOOL_STATE with
one seq. A sample with a joint or limb that the device calls invalid, or with a number that is not finite, is a gap: it
is counted, and never filled in with a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stope.bridge.codec import Received
from stope.bridge.telemetry import DeviceState
from stope.robot.messages import AnchorPhase, Applied, Codes, Health, Observation, Vector
from stope.robot.model import RobotModel

JOINTS_PER_PART = 8
LIMBS_PER_PART = 4
DRUMS_PER_PART = 2

SAMPLE_MESSAGES = ("STATE", "JOINT_STATE", "LIMB_WRENCH", "ANCHOR_STATE", "TOOL_STATE")

Part = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Sample:
    """One whole sample, in the robot's own signs; see Observation for units and frames."""

    state: DeviceState
    joint_position: Vector
    joint_velocity: Vector
    joint_effort: Vector
    limb_force_n: Vector
    anchor_phase: Codes
    anchor_engagement: Vector
    anchor_slip_m: Vector
    drum_fill: Vector
    tool: Received

    def observation(self, applied: Applied, health: Health, fault_flags: int, zero_us: int) -> Observation:
        """The sample as the seam has it, with what the session knows besides; `zero_us` is run time 0 on the device."""
        real = self.tool.real
        return Observation(
            time_us=self.state.time_us - zero_us,
            device_time_us=self.state.time_us,
            seq=self.state.seq,
            joint_position=self.joint_position,
            joint_velocity=self.joint_velocity,
            joint_effort=self.joint_effort,
            imu_gyro_rad_s=np.array(self.state.gyro),
            imu_accel_m_s2=np.array(self.state.accel),
            limb_force_n=self.limb_force_n,
            anchor_phase=self.anchor_phase,
            anchor_engagement=self.anchor_engagement,
            anchor_slip_m=self.anchor_slip_m,
            weight_on_bit_n=real("weight_on_bit_n"),
            spindle_current_a=real("spindle_current_a"),
            bin_fill=real("bin_fill"),
            drum_fill=self.drum_fill,
            propellant_kg=real("propellant_kg"),
            bus_voltage_v=real("bus_voltage_v"),
            energy_used_j=real("energy_used_j"),
            safety=self.state.safety,
            fault_flags=fault_flags,
            applied=applied,
            health=health,
        )


class Assembler:
    """Collects the parts of samples.

    Attributes:
        dropped: samples that never became whole; replayed: parts older than the last whole sample.
        gap: why the last sample was not used; empty when it was.
    """

    def __init__(self, model: RobotModel) -> None:
        self._signs = np.array([float(joint.sign) for joint in model.joints])
        self._joints, self._limbs = len(model.joints), len(model.limbs)
        self._drums = len(model.drums.joints) if model.drums else 0
        self._names = [joint.name for joint in model.joints]
        self._needed: frozenset[Part] = frozenset(
            [("JOINT_STATE", first) for first in range(0, self._joints, JOINTS_PER_PART)]
            + [(name, 0) for name in ("STATE", "LIMB_WRENCH", "ANCHOR_STATE", "TOOL_STATE")]
        )
        self._parts: dict[Part, Received] = {}
        self._seq: int | None = None
        self._whole: int | None = None
        self.dropped = 0
        self.replayed = 0
        self.gap = ""

    def take(self, message: Received) -> Sample | None:
        """The sample that is whole with `message`, if it is."""
        seq = message.integer("seq")
        if self._whole is not None and not 0 < (seq - self._whole) & 0xFFFFFFFF < 1 << 31:
            self.replayed += 1
            return None
        if seq != self._seq:
            self._seq, self._parts = seq, {}
        first = message.fields.get("first_joint", 0)
        assert isinstance(first, int)
        self._parts[message.name, first] = message
        if not self._needed <= self._parts.keys():
            return None
        if self._whole is not None:
            self.dropped += (seq - self._whole - 1) & 0xFFFFFFFF
        self._whole = seq
        sample = self._sample()
        if sample is None:
            self.dropped += 1
        return sample

    def _sample(self) -> Sample | None:
        parts, count, limbs = self._parts, self._joints, self._limbs
        wrench, anchors = parts["LIMB_WRENCH", 0], parts["ANCHOR_STATE", 0]
        position, velocity, effort, lost = self._joint_arrays()
        phase = np.array(anchors.array("phase")[:limbs], dtype=np.int8)
        state, tool = DeviceState.of(parts["STATE", 0]), parts["TOOL_STATE", 0]
        sample = Sample(
            state=state,
            joint_position=self._signs * position[:count],
            joint_velocity=self._signs * velocity[:count],
            joint_effort=self._signs * effort[:count],
            limb_force_n=np.array(wrench.array("force")[: 3 * limbs]).reshape(limbs, 3),
            anchor_phase=phase,
            anchor_engagement=np.array(anchors.array("engagement")[:limbs]),
            anchor_slip_m=np.array(anchors.array("slip_m")[:limbs]),
            drum_fill=np.array(tool.array("drum_fill")[: self._drums]),
            tool=tool,
        )
        every_limb = (1 << limbs) - 1
        if lost:
            self.gap = f"the device calls {', '.join(lost)} invalid"
        elif wrench.integer("valid_mask") & anchors.integer("valid_mask") & every_limb != every_limb:
            self.gap = "the device calls a limb's sensors invalid"
        elif not _finite(sample):
            self.gap = "the device sent a number that is not finite"
        elif (phase > max(AnchorPhase)).any():
            self.gap = "the device sent an anchor phase that this host does not know"
        else:
            self.gap = ""
            return sample
        return None

    def _joint_arrays(self) -> tuple[Vector, Vector, Vector, list[str]]:
        """Position, velocity and effort as they came, and names of joints without a valid reading."""
        columns: dict[str, list[float]] = {"position": [], "velocity": [], "effort": []}
        lost = []
        for first in range(0, self._joints, JOINTS_PER_PART):
            part = self._parts["JOINT_STATE", first]
            for name, column in columns.items():
                column.extend(part.array(name))
            valid = part.integer("valid_mask")
            here = self._names[first : first + JOINTS_PER_PART]
            lost += [name for slot, name in enumerate(here) if not valid >> slot & 1]
        position, velocity, effort = (np.array(column) for column in columns.values())
        return position, velocity, effort, lost


def _finite(sample: Sample) -> bool:
    reals = [value for value in sample.tool.fields.values() if isinstance(value, float)]
    arrays = (
        sample.joint_position,
        sample.joint_velocity,
        sample.joint_effort,
        sample.limb_force_n,
        sample.anchor_engagement,
        sample.anchor_slip_m,
        np.array([*sample.state.gyro, *sample.state.accel, *sample.drum_fill, *reals]),
    )
    return all(bool(np.isfinite(array).all()) for array in arrays)
