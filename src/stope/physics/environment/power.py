"""Power: what panels give, what a battery holds, and how long a robot outlasts the dark.

Energy balances (A). MASCOT lived 17 h on its primary battery: 2.2 Ryugu days, two nights (V, DLR).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, finite, fraction, non_negative, positive


class BatteryRun(NamedTuple):
    """Charge over time, J, one more than the samples; how much could not be stored; when it first ran empty, s."""

    charge_j: Array
    spilled_j: float
    empty_at_s: float


def panel_power_w(
    flux_w_m2: npt.ArrayLike,
    area_m2: npt.ArrayLike,
    incidence_cosine: npt.ArrayLike,
    efficiency: npt.ArrayLike = 0.3,
    dust: npt.ArrayLike = 0.0,
) -> Array:
    """Power of a solar panel: eta S A cos(i) (1 - dust), W; 0 with the sun behind it.

    Raises:
        ValueError: a negative flux or area, an efficiency or dust cover beyond 0..1.
    """
    lit = np.maximum(finite("incidence_cosine", incidence_cosine), 0.0) * (1.0 - fraction("dust", dust))
    power = fraction("efficiency", efficiency) * non_negative("flux_w_m2", flux_w_m2)
    return np.asarray(power * non_negative("area_m2", area_m2) * lit)


def endurance_s(
    capacity_j: npt.ArrayLike, load_w: npt.ArrayLike, usable: npt.ArrayLike = 1.0, efficiency: npt.ArrayLike = 1.0
) -> Array:
    """How long a battery feeds a load, s: usable x eta x E / P. ValueError for an argument outside its range."""
    energy = non_negative("capacity_j", capacity_j) * fraction("usable", usable) * fraction("efficiency", efficiency)
    return np.asarray(energy / positive("load_w", load_w))


def night_energy_j(load_w: npt.ArrayLike, period_s: npt.ArrayLike, daylight: npt.ArrayLike = 0.5) -> Array:
    """Energy that one night takes: P T (1 - daylight), J. Bennu's night is 2.15 h, Itokawa's 6.1 h."""
    night = positive("period_s", period_s) * (1.0 - fraction("daylight", daylight))
    return np.asarray(non_negative("load_w", load_w) * night)


def capacity_at_k(capacity_j: npt.ArrayLike, temperature_k: npt.ArrayLike) -> Array:
    """What a lithium-ion battery gives at a temperature: all of it from 293 K on, 50 % at 253 K, nothing at 213 K.

    Linear between typical data-sheet points (M); real cells depend on current and chemistry.
    """
    share = np.interp(positive("temperature_k", temperature_k), [213.0, 253.0, 293.0], [0.0, 0.5, 1.0])
    return np.asarray(non_negative("capacity_j", capacity_j) * share)


def run_battery(
    generated_w: npt.ArrayLike,
    load_w: npt.ArrayLike,
    step_s: float,
    capacity_j: float,
    start_j: float,
    efficiency: float = 0.95,
) -> BatteryRun:
    """Charge of a battery through samples of generated and used power.

    Surplus is stored with `efficiency` until it is full (the rest is spilled), deficit is drawn until it is empty.

    Args:
        generated_w, load_w: (N,) mean power in each step.

    Raises:
        ValueError: lengths that differ, or a value outside its range.
    """
    made, used = non_negative("generated_w", generated_w), non_negative("load_w", load_w)
    made, used = np.broadcast_arrays(np.atleast_1d(made), np.atleast_1d(used))
    step, capacity = float(positive("step_s", step_s)), float(positive("capacity_j", capacity_j))
    share, charge = float(fraction("efficiency", efficiency)), float(non_negative("start_j", start_j))
    if charge > capacity:
        raise ValueError(f"start_j is {charge:g}, more than the capacity of {capacity:g} J")
    levels, spilled, empty = [charge], 0.0, float("inf")
    for k, net in enumerate((made - used) * step):
        after = charge + (share * net if net > 0.0 else net)
        spilled += max(after - capacity, 0.0)
        if after < 0.0 and empty == float("inf"):
            empty = (k + charge / (charge - after)) * step
        charge = min(max(after, 0.0), capacity)
        levels.append(charge)
    return BatteryRun(np.array(levels), spilled, empty)
