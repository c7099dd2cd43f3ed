"""Other published models of a blade in soil, so that the spread between them can be seen.

All take the same arguments and give the force along the motion, N. They were fitted on Earth, to different soils and
tools, and disagree by several-fold on a lunar case (Wilkinson & DeGennaro 2007, V): that is the uncertainty of any one.
Equations from memory (M) of the forms that Wilkinson & DeGennaro collect, checked for dimensions and limits (A).

Sources:
    McKyes 1985 (in `wedge`).
    Soehne 1956 / Gill & Vanden Berg 1968, USDA Handbook 316 (wedge on two planes, with its inertia).
    Swick & Perumpral 1988, J. Terramechanics 25 (passive wedge with adhesion and inertia).
    Luth & Wismer 1971, Trans. ASAE 14 (dimensional analysis, sand; the Viking lander's sampler was sized with it).
    Balovnev 1963/1983 (passive pressure on the blade's front; sides and edge left out).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stope.physics.constants import positive
from stope.physics.excavation.wedge import mckyes_force


@dataclass(frozen=True, slots=True)
class BladeCase:
    """One blade in one soil. SI.

    Attributes:
        depth_m, width_m: of the cut; length_m: of the blade's face.
        rake_rad: blade from the horizontal ahead of it.
        density_kg_m3, cohesion_pa, friction_rad, adhesion_pa: soil.
        tool_friction_rad: soil on steel.
        gravity_m_s2; speed_m_s: along the cut.

    Raises:
        ValueError: a value that no blade or soil has.
    """

    depth_m: float
    width_m: float
    length_m: float
    rake_rad: float
    density_kg_m3: float
    cohesion_pa: float
    friction_rad: float
    tool_friction_rad: float
    gravity_m_s2: float
    speed_m_s: float = 0.0
    adhesion_pa: float = 0.0

    def __post_init__(self) -> None:
        for name in ("depth_m", "width_m", "length_m", "rake_rad", "density_kg_m3", "friction_rad", "gravity_m_s2"):
            positive(name, getattr(self, name))
        if min(self.cohesion_pa, self.speed_m_s, self.adhesion_pa, self.tool_friction_rad) < 0.0:
            raise ValueError("cohesion, adhesion, tool friction and speed cannot be negative")
        if self.rake_rad + self.tool_friction_rad + self.friction_rad >= math.pi:
            raise ValueError("no failure wedge: rake + tool friction + friction reach 180 deg")


def mckyes_draft_n(case: BladeCase) -> float:
    """McKyes' force along the motion: F sin(rake + tool friction) + adhesion's share along the blade."""
    total = float(
        mckyes_force(
            case.depth_m, case.width_m, case.density_kg_m3, case.cohesion_pa, case.friction_rad, case.gravity_m_s2,
            case.rake_rad, case.tool_friction_rad, adhesion_pa=case.adhesion_pa,
        )
    )  # fmt: skip
    along = case.adhesion_pa * case.width_m * case.depth_m / math.tan(case.rake_rad)
    return total * math.sin(case.rake_rad + case.tool_friction_rad) + along


def swick_perumpral_draft_n(case: BladeCase) -> float:
    """Passive wedge with inertia (Swick & Perumpral 1988): equilibrium at the rupture angle that needs least force.

    P = w [gamma d^2/2 (cot a + cot b) sin(phi + b) + c d cos(phi)/sin b - c_a d cos(a + phi + b)/sin a
         + rho v^2 d sin(a) cos(phi)/sin(a + b)] / sin(a + phi + b + delta), draft P sin(a + delta) + c_a d w cot a.
    """
    a, phi, delta, d = case.rake_rad, case.friction_rad, case.tool_friction_rad, case.depth_m
    b = np.linspace(0.02, math.pi - a - phi - delta - 0.01, 4000)
    weight = case.density_kg_m3 * case.gravity_m_s2 * d * d / 2 * (1 / math.tan(a) + 1 / np.tan(b)) * np.sin(phi + b)
    cohesion = case.cohesion_pa * d * math.cos(phi) / np.sin(b)
    adhesion = -case.adhesion_pa * d * np.cos(a + phi + b) / math.sin(a)
    inertia = case.density_kg_m3 * case.speed_m_s**2 * d * math.sin(a) * math.cos(phi) / np.sin(a + b)
    force = (weight + cohesion + adhesion + inertia) / np.sin(a + phi + b + delta)
    along = case.adhesion_pa * d / math.tan(a)
    least = float(force[(b < math.pi - a) & (force > 0.0)].min())
    return float(case.width_m * (least * math.sin(a + delta) + along))


def gill_vanden_berg_draft_n(case: BladeCase) -> float:
    """Soehne's wedge as in Gill & Vanden Berg 1968: D = W/z + (c A_s + B)/(z (sin b + mu cos b)).

    z = (cos a - mu' sin a)/(sin a + mu' cos a) + (cos b - mu sin b)/(sin b + mu cos b); b = 45 deg - phi/2;
    W of the soil on the blade and above the rupture plane; A_s = d w / sin b;
    B = rho w d v^2 sin(a)/sin(a + b). The soil that rides on the blade makes it heavier than a passive wedge.

    Raises:
        ValueError: the blade is too steep: above 75 deg the soil said to ride on it grows without bound, or z <= 0.
    """
    if case.rake_rad > math.radians(75.0):
        raise ValueError(f"rake_rad is {case.rake_rad:g}, Gill & Vanden Berg's wedge ends at 75 deg")
    a, d, mu, tool = case.rake_rad, case.depth_m, math.tan(case.friction_rad), math.tan(case.tool_friction_rad)
    b = math.pi / 4 - case.friction_rad / 2
    z = (math.cos(a) - tool * math.sin(a)) / (math.sin(a) + tool * math.cos(a))
    z += (math.cos(b) - mu * math.sin(b)) / (math.sin(b) + mu * math.cos(b))
    if z <= 0.0:
        raise ValueError("Gill & Vanden Berg's wedge has no solution for so steep a blade")
    thickness = d * math.sin(a + b) / math.sin(b)
    ahead, behind = d * math.cos(a + b) / math.sin(b), thickness * math.tan(a)
    weight = case.density_kg_m3 * case.gravity_m_s2 * case.width_m * thickness
    weight *= max(case.length_m + (ahead + behind) / 2, case.length_m)
    shear = case.cohesion_pa * case.width_m * d / math.sin(b)
    inertia = case.density_kg_m3 * case.width_m * d * case.speed_m_s**2 * math.sin(a) / math.sin(a + b)
    return weight / z + (shear + inertia) / (z * (math.sin(b) + mu * math.cos(b)))


def luth_wismer_draft_n(case: BladeCase) -> float:
    """Luth & Wismer 1971, dry sand: cohesion does not enter.

    H = rho g w l^1.5 a^1.73 sqrt(d) (d/(l sin a))^0.77 [1.05 (d/w)^1.1 + 1.26 v^2/(g l) + 3.91]
    """
    d, w, length, a, g = case.depth_m, case.width_m, case.length_m, case.rake_rad, case.gravity_m_s2
    base = case.density_kg_m3 * g * w * length**1.5 * a**1.73 * math.sqrt(d) * (d / (length * math.sin(a))) ** 0.77
    return float(base * (1.05 * (d / w) ** 1.1 + 1.26 * case.speed_m_s**2 / (g * length) + 3.91))


def balovnev_draft_n(case: BladeCase) -> float:
    """Balovnev, front of the blade only: H = w d (1 + cot a tan delta) A (d rho g/2 + c cot phi).

    Statics of the face give tan delta (some copies print cot delta, which is infinite for a smooth tool); with it a
    smooth vertical blade in cohesionless soil has Rankine's passive pressure (A).

    A = (1 - sin phi cos 2a)/(1 - sin phi) for a blade flatter than (asin(sin delta/sin phi) - delta)/2, else
    A = cos d (cos d + sqrt(sin^2 phi - sin^2 d))/(1 - sin phi) exp((2a - pi + d + asin(sin d/sin phi)) tan phi).

    Raises:
        ValueError: tool friction above the soil's (then soil slides on soil, not on the tool).
    """
    a, phi, delta = case.rake_rad, case.friction_rad, case.tool_friction_rad
    if delta > phi:
        raise ValueError("Balovnev's model needs a tool friction of at most the soil's")
    turn = math.asin(min(1.0, math.sin(delta) / math.sin(phi)))
    if a < 0.5 * (turn - delta):
        pressure = (1 - math.sin(phi) * math.cos(2 * a)) / (1 - math.sin(phi))
    else:
        root = math.sqrt(max(0.0, math.sin(phi) ** 2 - math.sin(delta) ** 2))
        pressure = math.cos(delta) * (math.cos(delta) + root) / (1 - math.sin(phi))
        pressure *= math.exp((2 * a - math.pi + delta + turn) * math.tan(phi))
    load = case.depth_m * case.density_kg_m3 * case.gravity_m_s2 / 2 + case.cohesion_pa / math.tan(phi)
    return case.width_m * case.depth_m * (1 + math.tan(delta) / math.tan(a)) * pressure * load


#: Name -> draft of each model.
BLADE_MODELS: dict[str, Callable[[BladeCase], float]] = {
    "McKyes": mckyes_draft_n,
    "Swick-Perumpral": swick_perumpral_draft_n,
    "Gill-Vanden Berg": gill_vanden_berg_draft_n,
    "Luth-Wismer": luth_wismer_draft_n,
    "Balovnev": balovnev_draft_n,
}


def draft_spread(case: BladeCase) -> dict[str, float]:
    """Draft by each model, N. Show all of them: no one is right to better than their spread."""
    return {name: model(case) for name, model in BLADE_MODELS.items()}


def depth_for_draft_m(case: BladeCase, draft_n: float, deepest_m: float = 1.0) -> dict[str, float]:
    """Depth that each model lets a machine dig that can pull `draft_n`, m; at most `deepest_m` (bisection).

    Raises:
        ValueError: a draft or a depth that is not positive.
    """
    positive("draft_n", draft_n), positive("deepest_m", deepest_m)
    depths = {}
    for name, model in BLADE_MODELS.items():
        low, high = 0.0, deepest_m
        for _ in range(50):
            middle = 0.5 * (low + high)
            enough = model(_at_depth(case, middle)) <= draft_n
            low, high = (middle, high) if enough else (low, middle)
        depths[name] = low
    return depths


def _at_depth(case: BladeCase, depth_m: float) -> BladeCase:
    return BladeCase(
        depth_m, case.width_m, case.length_m, case.rake_rad, case.density_kg_m3, case.cohesion_pa, case.friction_rad,
        case.tool_friction_rad, case.gravity_m_s2, case.speed_m_s, case.adhesion_pa,
    )  # fmt: skip
