"""Which field of which message carries each channel of the seam. The tests hold it against the dialect and the seam."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Carried:
    """Where a channel travels.

    Attributes:
        message, field: of the dialect; parts: how many messages of it one sample or set-point has at most.
        how: what the bridge does with the value besides the joint's sign; empty when it is carried as it is.
    """

    message: str
    field: str
    parts: int = 1
    how: str = ""


#: Channels of Observation; None for what no microcontroller tells.
UP: dict[str, Carried | None] = {
    "time_us": Carried("STATE", "time_us", how="less what it was when the run began"),
    "seq": Carried("STATE", "seq"),
    "joint_position": Carried("JOINT_STATE", "position", 2),
    "joint_velocity": Carried("JOINT_STATE", "velocity", 2),
    "joint_effort": Carried("JOINT_STATE", "effort", 2),
    "imu_gyro_rad_s": Carried("STATE", "gyro"),
    "imu_accel_m_s2": Carried("STATE", "accel"),
    "limb_force_n": Carried("LIMB_WRENCH", "force"),
    "anchor_phase": Carried("ANCHOR_STATE", "phase"),
    "anchor_engagement": Carried("ANCHOR_STATE", "engagement"),
    "anchor_slip_m": Carried("ANCHOR_STATE", "slip_m"),
    "weight_on_bit_n": Carried("TOOL_STATE", "weight_on_bit_n"),
    "spindle_current_a": Carried("TOOL_STATE", "spindle_current_a"),
    "bin_fill": Carried("TOOL_STATE", "bin_fill"),
    "drum_fill": Carried("TOOL_STATE", "drum_fill"),
    "propellant_kg": Carried("TOOL_STATE", "propellant_kg"),
    "bus_voltage_v": Carried("TOOL_STATE", "bus_voltage_v"),
    "energy_used_j": Carried("TOOL_STATE", "energy_used_j"),
    "safety": Carried("STATE", "safety_state"),
    "fault_flags": Carried("STATE", "fault_flags", how="translated by faultbits"),
    "applied.seq": Carried("STATE", "setpoint_seq", how="the stack's own sequence"),
    "applied.limited": Carried("STATE", "limited_joints", how="names of joints"),
    "applied.refused": Carried("STATE", "refused_seq", how="refused after the last adopted"),
    "applied.why": Carried("STATE", "refuse_reason", how="or limit_reason with limit_value, in words"),
    "health.dropped": Carried("STATE", "seq", how="gaps"),
    "health.bad_frames": None,  # counted by the host's framer
    "health.stale_refused": Carried("LINK_STATS", "refused_stale", how="unwrapped"),
    "health.watchdog_trips": Carried("STATE", "fault_flags", how="rising HOST_TIMEOUT and SETPOINT_STALE"),
    "device_time_us": Carried("STATE", "time_us"),
    "terrain_m": None,  # a microcontroller has no lidar: the auxiliary-sensor protocol
}

#: Channels of Command.
DOWN: dict[str, Carried | None] = {
    "seq": Carried("SETPOINT", "seq", 3, how="goes on from what the device has seen"),
    "valid_until_us": Carried("SETPOINT", "valid_until_us", 3),
    "joint_mode": Carried("SETPOINT", "mode", 2),
    "joint_position": Carried("SETPOINT", "position", 2),
    "joint_velocity": Carried("SETPOINT", "velocity", 2),
    "joint_effort": Carried("SETPOINT", "effort", 2),
    "joint_effort_limit": Carried("SETPOINT", "effort_limit", 2),
    "anchor_action": Carried("ACTUATION", "anchor_action"),
    "release_confirm": Carried("ACTUATION", "release_confirm", how="session XOR seq when it is meant"),
    "thrust_n": Carried("ACTUATION", "thrust_n"),
    "hammer": Carried("ACTUATION", "hammer"),
}
