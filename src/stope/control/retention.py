"""How fast tools may turn so that what they throw comes back: by local escape speed and by what the hood stops."""

from __future__ import annotations

import math

from stope.physics.ejecta import fastest_turn_rad_s
from stope.robot.model import Drill, Drums, Sampler

LOST_SHARE = 1e-3  # of the cuttings that may leave for good
SPEED_SHARE = 0.9  # of the believed escape speed: blows and bounces under a hood spread the cuttings' speed
RIM_SHARE = 0.98  # what drums spill leaves at their rim


def fastest_spindle_rad_s(drill: Drill, escape_speed_m_s: float) -> float:
    """Spindle speed at which no more than `LOST_SHARE` of the chips is lost; infinite where nothing escapes."""
    kerf = drill.bit_outer_m, drill.bit_inner_m
    return fastest_turn_rad_s(SPEED_SHARE * escape_speed_m_s, *kerf, drill.hood_share, LOST_SHARE)


def fastest_drum_rad_s(drums: Drums, escape_speed_m_s: float) -> float:
    """Drum speed at which no more than `LOST_SHARE` of the cut is lost; infinite where nothing escapes."""
    rim_m = 2.0 * drums.radius_m
    return fastest_turn_rad_s(
        SPEED_SHARE * escape_speed_m_s, rim_m, RIM_SHARE * rim_m, drums.hood_share, LOST_SHARE
    )  # fmt: skip


def fastest_grain_m_s(sampler: Sampler, escape_speed_m_s: float) -> float:
    """Speed up to which grains that a gas jet throws may leave their bed; infinite where the skirt keeps enough."""
    lost = (1.0 - sampler.capture_share) * (1.0 - sampler.hood_share)
    return SPEED_SHARE * escape_speed_m_s if lost > LOST_SHARE else math.inf
