"""C: excavation, sampling, ejecta."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from stope.physics import cohesion, ejecta, excavation, flight, granular, sampling
from stope.physics.excavation import BladeCase
from stope.physics.gravity import point_mass_acceleration
from stope.validation.case import Absent
from stope.validation.gravity import BENNU_GM, BENNU_RADIUS_M

Values = dict[str, float | bool | Absent]


def _rankine() -> Values:
    factors = excavation.mckyes_coefficients(math.pi / 2, 0.0, np.radians([30.0, 37.0]))
    gravity, stick = factors.gravity.tolist(), factors.cohesion.tolist()
    return {
        "N_g at 30 deg": gravity[0], "N_g at 37 deg": gravity[1], "N_c at 30 deg": stick[0], "N_c at 37 deg": stick[1]
    }  # fmt: skip


def _blade() -> Values:
    force = excavation.mckyes_force(
        0.03, 0.20, [1600.0, 1600.0, 600.0, 600.0], [200.0, 200.0, 1.0, 0.0], math.radians(35.0),
        [9.81, 1.62, 5.5e-5, 5.5e-5], math.radians(45.0), math.radians(20.0),
    )  # fmt: skip
    return dict(zip(("Earth", "Moon", "Bennu, 1 Pa", "Bennu, no cohesion"), force.tolist(), strict=True))


def lunar_case() -> BladeCase:
    """The blade and the soil of C03."""
    return BladeCase(
        depth_m=0.05, width_m=0.20, length_m=0.15, rake_rad=math.radians(45.0), density_kg_m3=1600.0,
        cohesion_pa=520.0, friction_rad=math.radians(42.0), tool_friction_rad=math.radians(28.0), gravity_m_s2=1.62,
    )  # fmt: skip


def _spread() -> Values:
    depths = excavation.depth_for_draft_m(lunar_case(), 20.0).values()
    return {"spread": max(depths) / min(depths)}


def _rassor() -> Values:
    return {"rate": float(excavation.haul_rate_kg_h(35, 20.0, 24.0))}


def _ipex() -> Values:
    return {"rate": float(excavation.haul_rate_kg_h(1, 10_000.0, 29.53 / 2 * 24.0))}


def _drums() -> Values:
    ground = (1190.0, 50.0, math.radians(37.0), 5.5e-5)
    fore = excavation.drum_cut(0.030, 0.15, 0.15, 2.0, 0.0, *ground).horizontal_n
    aft = excavation.drum_cut(0.031, 0.15, 0.15, 2.0, 0.0, *ground).horizontal_n
    return {"net share": abs(fore - aft) / fore}


def _drag_m() -> float:
    """Length over which Bennu's loose ground slows OSIRIS-REx by its density alone."""
    return float(granular.drag_length(1300.0, math.pi / 4 * 0.32**2, 600.0, 1.0))


def _osiris_rex() -> Values:
    depth = float(granular.stopping_depth(0.10, 1300.0, 5.5e-5, 0.0, _drag_m()))
    later = float(granular.speed_under_drag(0.10, 86_400.0, _drag_m()))
    return {"never stops": math.isinf(depth), "still moving after a day": later > 0.0}


def _six_seconds() -> Values:
    return {"speed": float(granular.speed_under_drag(0.10, 6.0, _drag_m()))}


def _impactor() -> Values:
    volume = sampling.crater_volume_m3(2.0, 2000.0, 2700.0, 1190.0, 1.3e-4)
    diameter = float(sampling.crater_diameter_m(volume))
    return {"diameter": diameter, "rim diameter": diameter}


def _displaced() -> Values:
    impulse = 1300.0 * (0.10 - 0.04) + 1300.0 * 0.4
    return {"displaced": float(sampling.lofted_mass_kg(impulse, 5.5e-5, 4.5))}


def _gas() -> Values:
    jet = sampling.jet_speed_m_s(293.0, 0.028, 1.4)
    return {"ratio": float(sampling.gas_lift_ratio(jet, 9.81, 0.1))}


def _projectile() -> Values:
    impulse = sampling.projectile_impulse_n_s(0.005, 300.0)
    return {"impulse": float(impulse), "recoil": float(sampling.recoil_m_s(impulse, 609.0))}


def _bond() -> Values:
    bond = cohesion.bond_number([0.005, 0.05], 3500.0, 8.7e-5)
    return {"5 mm": float(bond[0]), "50 mm": float(bond[1])}


def _escaped() -> Values:
    """600 parcels of 250 ug; who escapes is found by flight, not by looking at the speed."""
    parcels, mass_ug = 600, 250
    rng = np.random.default_rng(15)
    speed = ejecta.launch_speed(rng.uniform(size=parcels), 0.027, 0.013, 40.0)
    azimuth, elevation = rng.uniform(0, 2 * math.pi, parcels), rng.uniform(0.3, 1.2, parcels)
    level = speed * np.cos(elevation)
    velocity = np.column_stack([speed * np.sin(elevation), level * np.cos(azimuth), level * np.sin(azimuth)])
    start = np.tile([BENNU_RADIUS_M, 0.0, 0.0], (parcels, 1))
    flown = flight.fly(
        start, velocity, lambda r: point_mass_acceleration(r, BENNU_GM), np.zeros(3),
        flight.sphere_height(BENNU_RADIUS_M), step_s=50.0, longest_s=400_000.0, escape_radius_m=20 * BENNU_RADIUS_M,
    )  # fmt: skip
    masses = {state: int((flown.state == state).sum()) * mass_ug for state in (0, 1, 2)}
    fast = ejecta.escapes(speed, math.sqrt(2 * BENNU_GM / BENNU_RADIUS_M))
    launched = parcels * mass_ug
    return {
        "escaped against launched above escape speed": (masses[flight.ESCAPED] - int(fast.sum()) * mass_ug) / launched,
        "mass balance": sum(masses.values()) / launched - 1.0,
    }


CASES: dict[str, Callable[[], Values]] = {
    "C01": _rankine, "C02": _blade, "C03": _spread, "C04": _rassor, "C05": _ipex, "C06": _drums, "C08": _osiris_rex,
    "C10": _displaced, "C11": _gas, "C12": _projectile, "C14": _bond, "C15": _escaped,
    "X01": _six_seconds, "X03": _impactor,
}  # fmt: skip
