"""Where a run starts, and the truth of one instant."""

from __future__ import annotations

from dataclasses import dataclass

from stope.robot.messages import Vector


@dataclass(frozen=True, slots=True)
class StartPose:
    """Where the robot is handed over: base position (3,) m, quaternion xyzw, twist, joint positions (n,)."""

    position_m: Vector
    quaternion: Vector
    velocity_m_s: Vector
    angular_rad_s: Vector
    joint_position: Vector


@dataclass(frozen=True, slots=True)
class TrueState:
    """The truth of one instant, for the log's /sim/truth topic, pictures and tests. Never crosses the seam.

    Attributes:
        foot_force_n: (L, 3) ground on feet, world; strength_n: (L, 2) true normal and shear strength now.
    """

    time_us: int
    position_m: Vector
    quaternion: Vector
    velocity_m_s: Vector
    angular_rad_s: Vector
    joint_position: Vector
    foot_force_n: Vector
    strength_n: Vector
    hole_depth_m: float
