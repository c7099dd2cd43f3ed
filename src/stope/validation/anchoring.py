"""A: anchoring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stope.physics import anchoring, flight, frames
from stope.physics.gravity import Ellipsoid
from stope.validation.case import Absent

Values = dict[str, float | bool | Absent]
EARTH_M_S2, BENNU_M_S2 = 9.81, 5.5e-5


def _engagement() -> Values:
    return {
        f"friction {mu}": float(np.degrees(anchoring.engagement_angle_rad(mu, 0.0))) for mu in (0.15, 0.25)
    }  # fmt: skip


def _bundle() -> Values:
    bundle = anchoring.bundle_strength_uniform(256, 0.0, 2.0)
    return {"mean": bundle.mean_n, "standard deviation": bundle.sd_n, "asymptote": bundle.asymptote_n}


def _gripper() -> Values:
    median = anchoring.bundle_strength_uniform(256, 0.0, 2.0).mean_n
    angles = {"normal": 0.0, "45 deg": np.pi / 4, "tangential": np.pi / 2}
    return {name: float(anchoring.directional_strength_n(angle, median, median)) for name, angle in angles.items()}


def _friable() -> Values:
    """The bundle of A04 with spines as weak as their asperities: spalling scales with strength."""
    share = float(anchoring.spall_load_n(25e-6, 1e5) / anchoring.spall_load_n(25e-6, 15e6))
    return {"strength": anchoring.bundle_strength_uniform(256, 0.0, 2.0 * share).mean_n}


def _release() -> Values:
    drawn = anchoring.draw_releases(
        1000, np.random.default_rng(6),
        sticks=anchoring.RELEASE_STICKS_PROBABILITY / 2, jams=anchoring.RELEASE_JAMS_PROBABILITY / 2,
    )  # fmt: skip
    return {"cannot be released": float(np.mean(drawn == 2)), "sticks": float(np.mean(drawn == 1))}


def _grasp() -> Values:
    return {
        "one gripper": float(anchoring.grasp_success(30.0, 5.0, 22.0)),
        "four grippers": float(anchoring.stance_success(30.0, 5.0, [22.0] * 4)),
    }


def _plate() -> Values:
    uplift = anchoring.plate_uplift_n([0.1, 0.2, 0.3, 0.4], 0.1, 17e3, shape_factor=[1.48, 1.96, 2.44, 2.92])
    return dict(zip(("0.1 m", "0.2 m", "0.3 m", "0.4 m"), uplift.tolist(), strict=True))


def _plate_on_bennu() -> Values:
    return {
        "no cohesion": float(anchoring.plate_uplift_n(0.1, 0.1, 600.0 * BENNU_M_S2)),
        "1 Pa": float(anchoring.plate_breakout_n(1.0, 0.01)),
    }


def _unanchored() -> Values:
    return {"time": float(anchoring.free_motion_time_to_speed(50.0, 20.0, 0.20))}


def _feed() -> Values:
    used = float(
        anchoring.utilisation(
            60.0, 0.0, anchoring.GRIPPER_NORMAL_BOUND_N, anchoring.GRIPPER_TANGENTIAL_BOUND_N, friction=0.0
        )
    )
    return {"stays attached": used <= 1.0, "margin": 1.0 / used}


def _philae() -> Values:
    axes = (2485.0, 1488.0, 1214.0)
    comet, height = (
        Ellipsoid(axes, 9.982e12 / (4.0 / 3.0 * np.pi * float(np.prod(axes)))),
        flight.ellipsoid_height(axes),
    )
    spin = frames.spin_vector(12.4043 * 3600.0)
    r, v = np.array([[axes[0], 0.0, 0.0]]), np.array([[0.38, 0.0, 0.0]])
    time, apex, flown = 0.0, 0.0, None
    while time < 40_000.0 and (flown is None or flown.state[0] == flight.FLYING):
        flown = flight.fly(r, v, comet.acceleration, spin, height, step_s=50.0, longest_s=100.0)
        r, v, apex = flown.point_m, flown.velocity_m_s, max(apex, float(height(flown.point_m)[0]))
        time += float(flown.time_s[0])
    landed = flown is not None and flown.state[0] == flight.LANDED
    return {"it rebounds": landed and apex > 10.0, "first flight": time / 60.0, "apex": apex / 1000.0}


CASES: dict[str, Callable[[], Values]] = {
    "A01": _engagement, "A02": _bundle, "A04": _gripper, "A05": _friable, "A06": _release, "A07": _grasp,
    "A08": _plate, "A09": _plate_on_bennu, "A11": _unanchored, "A12": _feed, "A13": _philae,
}  # fmt: skip
