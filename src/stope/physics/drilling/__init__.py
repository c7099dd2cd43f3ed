"""Drilling: specific energy, drag bits, rotary-percussive coring, wear, heat, augers, layered ground."""

from stope.physics.drilling.auger import (
    auger_capacity_m3_s,
    auger_critical_speed,
    choke_ratio,
    fastest_feed_m_s,
    flight_angle_rad,
    plug_growth_m_rev,
    plug_growth_terms,
    plug_torque_nm,
    retention_speed_rad_s,
)
from stope.physics.drilling.coring import (
    BLOW_CONTACT_N,
    CUTTING_THRUST_RATIO,
    DEPTH_OF_CUT_MAX_M,
    FRICTION_SHAPE,
    STANDSTILL_RAD_S,
    STRENGTH_MIN_PA,
    WEAR_FLAT_NEW,
    WEAR_FLAT_WORN,
    CoreBit,
    core_drill_response,
    core_response,
    threshold_thrust_n,
)
from stope.physics.drilling.drag_bit import DragBit, drag_bit
from stope.physics.drilling.energy import (
    annulus_area_m2,
    blow_energy_for_rate_j,
    blow_level,
    hole_volume_m3,
    penetration_rate,
    percussive_rate,
    specific_energy,
    strength_from_energy_pa,
)
from stope.physics.drilling.heating import (
    bit_heat_share,
    bit_temperature_k,
    cuttings_temperature_rise_k,
    longest_burst_s,
)
from stope.physics.drilling.layers import DrillRun, Layer, draw_layers, drill_column, layer_index
from stope.physics.drilling.wear import archard_volume_m3, rubbing_distance_m, wear_after

__all__ = [
    "BLOW_CONTACT_N", "CUTTING_THRUST_RATIO", "DEPTH_OF_CUT_MAX_M", "FRICTION_SHAPE", "STANDSTILL_RAD_S",
    "STRENGTH_MIN_PA", "WEAR_FLAT_NEW", "WEAR_FLAT_WORN", "CoreBit", "DragBit", "DrillRun", "Layer", "annulus_area_m2",
    "archard_volume_m3", "auger_capacity_m3_s", "auger_critical_speed", "bit_heat_share", "bit_temperature_k",
    "blow_energy_for_rate_j", "blow_level", "choke_ratio", "core_drill_response", "core_response",
    "cuttings_temperature_rise_k", "drag_bit", "draw_layers", "drill_column", "fastest_feed_m_s", "flight_angle_rad",
    "hole_volume_m3", "layer_index", "longest_burst_s", "penetration_rate", "percussive_rate", "plug_growth_m_rev",
    "plug_growth_terms", "plug_torque_nm", "retention_speed_rad_s", "rubbing_distance_m", "specific_energy",
    "strength_from_energy_pa", "threshold_thrust_n", "wear_after",
]  # fmt: skip
