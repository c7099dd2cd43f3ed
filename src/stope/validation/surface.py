"""S, T, N: surface dynamics, light and heat, granular matter (N03 is with the simulator's hygiene)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from stope.physics import environment, granular
from stope.physics.constants import EARTH_GRAVITY_M_S2
from stope.physics.gravity import surface_gravity
from stope.validation.case import Absent

Values = dict[str, float | bool | Absent]
RYUGU_DAY_S = 7.63262 * 3600.0


def _mascot_fall() -> Values:
    """Fall of 41 m in 350 s: the mean, and the mean plus half of what gravity adds."""
    mean = 41.0 / 350.0
    return {
        "mean speed": mean,
        "contact, low gravity": mean + 1.3e-4 * 350.0 / 2,
        "contact, high gravity": mean + 1.63e-4 * 350.0 / 2,
    }


def _drop_tower() -> Values:
    speeds, gravities = np.linspace(0.02, 0.40, 12), np.array([0.2, 0.5, 1.0])
    ground = granular.katsuragi_durian(0.1, 2700.0, 1500.0, math.radians(30.0), gravities[:, None])
    mass = math.pi / 6 * 2700.0 * 0.1**3
    depth = granular.stopping_depth(speeds, mass, gravities[:, None], ground.friction_n_m, ground.drag_length_m)
    time = granular.stopping_time(speeds, mass, gravities[:, None], ground.friction_n_m, ground.drag_length_m)
    linear = min(float(np.corrcoef(speeds, row)[0, 1] ** 2) for row in depth)
    return {
        "depth linear in speed, r2": linear,
        "depth, spread over gravity": float(np.max(np.ptp(depth, axis=0) / depth.mean(axis=0))) / 2,
        "duration, spread over speed and gravity": float(np.ptp(time) / time.mean()) / 2,
        "no rebound": bool(np.isfinite(depth).all()),
    }


def _mascot_weight() -> Values:
    pull = float(surface_gravity(4.50e11, 448.0))
    swing = (2 * math.pi / RYUGU_DAY_S) ** 2 * 448.0 * math.cos(math.radians(22.0)) ** 2
    return {"weight": 10.0 * (pull - swing) / EARTH_GRAVITY_M_S2 * 1000.0}


def _flux() -> Values:
    return {f"{au} au": float(environment.solar_flux_w_m2(au)) for au in (0.897, 1.356)}


def _ryugu_rock() -> Values:
    density = environment.density_from_inertia_kg_m3(295.0, 0.069, 890.0)
    return {
        "density": float(density),
        "porosity": float(environment.porosity(density, 2800.0)),
        "skin depth": float(environment.skin_depth_m(0.069, density, 890.0, RYUGU_DAY_S)),
    }


def _eclipse() -> Values:
    return {
        "1.5 R": float(environment.eclipse_fraction(1.5, 1.0)),
        "2 R": float(environment.eclipse_fraction(2.0, 1.0)),
    }


def _mascot_battery() -> Values:
    days = 17.0 * 3600.0 / RYUGU_DAY_S
    return {"days": days, "nights survived": math.floor(days)}


def _repose() -> Values:
    angle = granular.repose_angle_rad(
        math.radians(35.0), 0.0, 1500.0, [EARTH_GRAVITY_M_S2, 1e-3 * EARTH_GRAVITY_M_S2], 1.0
    )
    return {"difference": float(np.degrees(np.ptp(angle)))}


CASES: dict[str, Callable[[], Values]] = {
    "S01": _mascot_fall, "S04": _drop_tower, "S05": _mascot_weight, "T01": _flux, "T02": _ryugu_rock,
    "T03": _eclipse, "T05": _mascot_battery, "N02": _repose,
}  # fmt: skip
