"""Layered ground: a column of layers, and what a drill that goes through it meets and where it must give up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, finite, non_negative, positive
from stope.physics.drilling.coring import CoreBit, core_drill_response


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of ground.

    Attributes:
        name: of its material.
        top_m: depth where it begins.
        ucs_pa: unconfined compressive strength.
        specific_energy_ratio: k of Teale.
    """

    name: str
    top_m: float
    ucs_pa: float
    specific_energy_ratio: float = 1.0


class DrillRun(NamedTuple):
    """Outcome of `drill_column`.

    Attributes:
        depth_m: reached; time_s: that it took.
        stopped_by: name of the layer that stopped it, empty when the depth was reached.
        work_j: mechanical work.
        layer_top_m: where the stopping layer begins (the depth reached, when nothing did).
    """

    depth_m: float
    time_s: float
    stopped_by: str
    work_j: float
    layer_top_m: float


def layer_index(depth_m: npt.ArrayLike, tops_m: Sequence[float]) -> npt.NDArray[np.int64]:
    """Index of the layer at each depth; depths above the first top belong to the first layer.

    Raises:
        ValueError: no layers, or tops that do not increase.
    """
    tops = finite("tops_m", tops_m)
    if tops.ndim != 1 or tops.size == 0 or np.any(np.diff(tops) <= 0):
        raise ValueError("layer tops must increase with depth, and there must be one")
    return np.asarray(np.maximum(np.searchsorted(tops, finite("depth_m", depth_m), side="right") - 1, 0))


def drill_column(
    layers: Sequence[Layer],
    target_m: float,
    bit: CoreBit,
    weight_on_bit_n: float,
    spindle_rad_s: float,
    slowest_m_s: float = 1e-5,
) -> DrillRun:
    """Drill through `layers` at one weight and speed until the target, or until a layer is too hard to make progress.

    Args:
        target_m: depth asked for.
        slowest_m_s: rate of penetration below which the drill gives up: 0.6 mm/min when left out.

    Raises:
        ValueError: layers out of order, or a target, a weight or a speed that is not positive.

    Source: `core_drill_response` layer by layer. Chang'e-5 stopped so at 0.74 m of 1 m planned (V).
    """
    positive("target_m", target_m), positive("weight_on_bit_n", weight_on_bit_n)
    positive("spindle_rad_s", spindle_rad_s), non_negative("slowest_m_s", slowest_m_s)
    tops = [layer.top_m for layer in layers]
    first = int(layer_index(0.0, tops))
    depth, time, work = 0.0, 0.0, 0.0
    for k in range(first, len(layers)):
        if depth >= target_m:
            break
        layer = layers[k]
        rate, torque = core_drill_response(
            weight_on_bit_n, spindle_rad_s, layer.ucs_pa, layer.specific_energy_ratio, bit
        )
        if rate < max(slowest_m_s, 1e-12):
            return DrillRun(depth, time, layer.name, work, depth)
        end = min(target_m, layers[k + 1].top_m if k + 1 < len(layers) else target_m)
        spent = (end - depth) / rate
        work += (
            weight_on_bit_n * (end - depth)
            + (abs(torque) * spindle_rad_s + bit.blow_energy_j * bit.blow_rate_hz) * spent
        )
        depth, time = end, time + spent
    return DrillRun(depth, time, "", work, depth)


def draw_layers(
    rng: np.random.Generator, depth_m: float, mean_thickness_m: float, names: Sequence[str], ucs_pa: npt.ArrayLike
) -> list[Layer]:
    """A seeded column: exponential thicknesses (a Poisson process of boundaries), materials drawn evenly.

    Args:
        names, ucs_pa: the materials that occur and their strengths; the same one is never drawn twice in a row.

    Raises:
        ValueError: no materials, lengths that differ, or a depth or thickness that is not positive.
    """
    strengths: Array = positive("ucs_pa", ucs_pa)
    if not names or strengths.shape != (len(names),):
        raise ValueError(f"{len(names)} names and strengths of shape {strengths.shape}, expected one each")
    positive("depth_m", depth_m), positive("mean_thickness_m", mean_thickness_m)
    top, layers, last = 0.0, [], -1
    while top < depth_m:
        choices = [k for k in range(len(names)) if k != last or len(names) == 1]
        last = int(rng.choice(choices))
        layers.append(Layer(names[last], top, float(strengths[last])))
        top += float(rng.exponential(mean_thickness_m))
    return layers
