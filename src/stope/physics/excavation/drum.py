"""A bucket drum: what its scoops cut, carry and throw, and what the robot feels.

Source: scoops cut as McKyes' blade (factor 3); Terzaghi 1943 for the shell's bearing (strip footing, undrained 5.14 c).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.physics.constants import Array, fraction, non_negative, positive
from stope.physics.excavation.wedge import SCOOP_RAKE_RAD, mckyes_coefficients

#: Soil-metal friction of a scoop as a share of the soil's friction angle.
SCOOP_FRICTION_SHARE = 2.0 / 3.0
#: A scoop swallows a layer up to this share of the drum's radius; a deeper drum rides on its shell.
SCOOP_OPENING = 0.25
SCOOPS = 8
#: Tip speed over which cutting force builds up (explicit integration; see drilling.STANDSTILL_RAD_S).
STANDSTILL_M_S = 5e-3
#: Ground without friction is cut as ground with this much: the wedge's angle is undefined at 0.
FRICTION_MIN_RAD = 1e-3
#: Radius of gyration about the axle of what a drum holds, over its radius: baffles spread it evenly (a solid cylinder).
LOAD_GYRATION = math.sqrt(0.5)
_BEARING = 5.14

Scoop = tuple[float, float, float, float]


class DrumCut(NamedTuple):
    """What a drum does to the ground; the robot feels the opposite force.

    Attributes:
        horizontal_n: force of the drum on the ground along the cutting direction (the way the scoop at the drum's
            bottom moves), >= 0 while it cuts.
        vertical_n: force of the drum on the ground, positive down (so the robot is pushed up by as much). Negative:
            the scoops lift, the ground pulls the drum in.
        torque_nm: drive torque that the cut takes, positive in the digging sense.
        volume_rate_m3_s: ground (bank volume) that goes into the drum.
    """

    horizontal_n: float
    vertical_n: float
    torque_nm: float
    volume_rate_m3_s: float


def drum_cut(
    depth_m: float,
    width_m: float,
    radius_m: float,
    drum_rad_s: float,
    advance_m_s: float,
    density_kg_m3: float,
    cohesion_pa: float,
    friction_rad: float,
    gravity_m_s2: float,
) -> DrumCut:
    """One bucket drum at `depth_m` in uncut ground.

    Scoops cut the layer h = min(depth, opening) with McKyes' force plus the momentum that the layer is given,
    rho w h v^2 (on a small body that is most of it), for the share of the time that a scoop is in the ground,
    min(1, n 2 phi_e / 2 pi), cos phi_e = 1 - h/R. Deeper than its opening the shell bears on the ground.
    The ground's shape is the caller's: as the layer goes into the drum, the depth falls.

    Args:
        depth_m: how far the drum's lowest point is below the surface; <= 0 is no contact.
        drum_rad_s: positive in the digging sense; turned back, the scoops slide and take nothing.
        advance_m_s: speed of the drum's axis along the cutting direction, signed; adds to the tip speed.
        density_kg_m3, cohesion_pa, friction_rad: bulk density, c and phi of the ground.

    Raises:
        ValueError: a value that is not finite, a width, radius or density that is not positive, a negative cohesion,
            friction or gravity.

    Range: width several times the depth, depth < radius; factor 3 (module docstring). About 2 us.
    """
    moves = depth_m + drum_rad_s + advance_m_s
    known = math.isfinite(moves + width_m + radius_m + density_kg_m3 + cohesion_pa + friction_rad + gravity_m_s2)
    sizes, rest = min(width_m, radius_m, density_kg_m3), min(cohesion_pa, friction_rad, gravity_m_s2)
    if not (known and sizes > 0.0 and rest >= 0.0 and friction_rad < math.pi / 2):
        raise ValueError("a drum needs finite numbers, a size and a density above 0, a friction of 0 to pi/2 rad")
    scoop = scoop_in_soil(friction_rad)
    return DrumCut(
        *drum_response(
            depth_m, width_m, radius_m, drum_rad_s, advance_m_s, density_kg_m3, cohesion_pa, gravity_m_s2, scoop
        )
    )


@njit(cache=True)
def drum_response(
    depth_m: float, width_m: float, radius_m: float, drum_rad_s: float, advance_m_s: float, density_kg_m3: float,
    cohesion_pa: float, gravity_m_s2: float, scoop: Scoop,
) -> tuple[float, float, float, float]:  # fmt: skip
    """`drum_cut`, compiled for inner loops; `scoop` is `scoop_in_soil`'s."""
    if depth_m <= 0.0:
        return 0.0, 0.0, 0.0, 0.0
    layer_m = min(depth_m, SCOOP_OPENING * radius_m)
    sunk_m = min(depth_m, radius_m) - layer_m
    bearing = _BEARING * cohesion_pa + density_kg_m3 * gravity_m_s2 * sunk_m
    shell_n = bearing * width_m * 2.0 * math.sqrt(2.0 * radius_m * sunk_m)
    tip_m_s = drum_rad_s * radius_m + advance_m_s
    if drum_rad_s <= 0.0 or tip_m_s <= 0.0:
        return 0.0, shell_n, 0.0, 0.0
    n_g, n_c, along, lift = scoop
    duty = min(1.0, SCOOPS * math.acos(1.0 - layer_m / radius_m) / math.pi)
    area_m2 = duty * width_m * layer_m
    static = (density_kg_m3 * gravity_m_s2 * layer_m * n_g + cohesion_pa * n_c) * area_m2
    static *= math.tanh(tip_m_s / STANDSTILL_M_S)
    horizontal = static * along + density_kg_m3 * area_m2 * tip_m_s**2
    return horizontal, shell_n - static * lift, horizontal * radius_m, area_m2 * tip_m_s


@lru_cache(maxsize=256)
def scoop_in_soil(friction_rad: float) -> Scoop:
    """N_g, N_c of a scoop lip in soil of this friction and the shares of its force along the cut and upward."""
    friction_rad = max(friction_rad, FRICTION_MIN_RAD)
    delta = SCOOP_FRICTION_SHARE * friction_rad
    n = mckyes_coefficients(SCOOP_RAKE_RAD, delta, friction_rad)
    angle = SCOOP_RAKE_RAD + delta
    return float(n.gravity), float(n.cohesion), math.sin(angle), math.cos(angle)


def drum_fill(cut_kg: npt.ArrayLike, capacity_kg: npt.ArrayLike, retention: npt.ArrayLike = 0.95) -> Array:
    """Fill of a drum that has cut `cut_kg`, 0..1: f = 1 - exp(-r m / M).

    As the drum fills, the baffles choke and more of each scoop falls back out: what goes in is the share of free room.
    Starts at the slope r / M and never overfills; a challenge rule asks for more than 50 %.

    Args:
        capacity_kg: M, mass that fills the drum.
        retention: r, share of a scoop that an empty drum keeps.

    Raises:
        ValueError: a negative mass, a capacity that is not positive, a retention beyond 0..1.

    Source: first-order filling (ours; for scrapers and buckets it is the usual shape). Range: counter-rotating drums
    with internal baffles; in microgravity the baffles hold the load, not weight.
    """
    share = fraction("retention", retention) * non_negative("cut_kg", cut_kg) / positive("capacity_kg", capacity_kg)
    return np.asarray(-np.expm1(-share))


def haul_rate_kg_h(trips: npt.ArrayLike, load_kg: npt.ArrayLike, hours: npt.ArrayLike) -> Array:
    """Rate of an excavator that hauls `load_kg` on each of `trips` in `hours`, kg/h; RASSOR: 35 x 20 kg a day, 29."""
    rate: Array = non_negative("trips", trips) * non_negative("load_kg", load_kg) / positive("hours", hours)
    return rate
