"""Anchoring: microspines on rock, anchors in soil and ice, wedging, hold-down; and the limit surface of any of them."""

from stope.physics.anchoring.failure import (
    RELEASE_JAMS_PROBABILITY,
    RELEASE_STICKS_PROBABILITY,
    SpineCapacity,
    draw_releases,
    release_fault_probability,
    spall_load_n,
    spine_capacity,
    yield_load_n,
)
from stope.physics.anchoring.holddown import (
    free_motion_distance_m,
    free_motion_time_to_speed,
    friction_hold_n,
    hold_time_s,
    propellant_kg,
    thruster_feed_limit_n,
)
from stope.physics.anchoring.soil import (
    helix_strength_n,
    helix_torque_strength_n,
    penetrator_depth_m,
    penetrator_pull_out_n,
    plate_breakout_n,
    plate_strength_n,
    plate_uplift_n,
    screw_pull_out_n,
)
from stope.physics.anchoring.spines import (
    BundleStrength,
    bundle_force_n,
    bundle_peak_n,
    bundle_strength,
    bundle_strength_uniform,
    bundle_strength_weibull,
    engaged_after_drag,
    engagement_angle_rad,
    engagement_probability,
)
from stope.physics.anchoring.surface import (
    GRIPPER_45_DEG_BOUND_N,
    GRIPPER_NORMAL_BOUND_N,
    GRIPPER_TANGENTIAL_BOUND_N,
    allowable_load_n,
    directional_strength_n,
    grasp_success,
    opposed_pull_off_n,
    residual_shear_n,
    stance_success,
    utilisation,
)
from stope.physics.anchoring.wedging import expansion_bolt_n, jaw_grip_n, wedge_locks

__all__ = [
    "GRIPPER_45_DEG_BOUND_N", "GRIPPER_NORMAL_BOUND_N", "GRIPPER_TANGENTIAL_BOUND_N", "RELEASE_JAMS_PROBABILITY",
    "RELEASE_STICKS_PROBABILITY", "BundleStrength", "SpineCapacity", "allowable_load_n", "bundle_force_n",
    "bundle_peak_n", "bundle_strength", "bundle_strength_uniform", "bundle_strength_weibull", "directional_strength_n",
    "draw_releases", "engaged_after_drag", "engagement_angle_rad", "engagement_probability", "expansion_bolt_n",
    "free_motion_distance_m", "free_motion_time_to_speed", "friction_hold_n", "grasp_success", "helix_strength_n",
    "helix_torque_strength_n", "hold_time_s", "jaw_grip_n", "opposed_pull_off_n", "penetrator_depth_m",
    "penetrator_pull_out_n", "plate_breakout_n", "plate_strength_n", "plate_uplift_n", "propellant_kg",
    "release_fault_probability", "residual_shear_n", "screw_pull_out_n", "spall_load_n", "spine_capacity",
    "stance_success", "thruster_feed_limit_n", "utilisation", "wedge_locks", "yield_load_n",
]  # fmt: skip
