"""Which way of anchoring or collecting suits which ground: computed from the models, with the reason in numbers.

Different bodies need different techniques. A technique is asked for one reference job (`Job`: hold 60 N, core 50 mm
in half an hour, dig 25 mm, bring 60 g) in a material of `sim_worlds/materials/`, at its median or at a draw. The margin
is what the model gives over what the job needs; a technique suits from a margin of 1 on, and is called doubtful between
1/3 and 3, because the models are right to about a factor of 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from stope.mission.material import Material
from stope.physics import anchoring, drilling, excavation, sampling
from stope.physics.cohesion import bond_number

__all__ = [
    "DOUBT",
    "HANDLING_M_S2",
    "TECHNIQUES",
    "Ground",
    "Job",
    "Suitability",
    "ground_of",
    "success_probability",
    "suitability_table",
    "suits",
]

DOUBT = 3.0  #: factor within which a margin says little
HANDLING_M_S2 = 1.0  #: acceleration that a core must bear when the tool moves (ASSUMED)


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of a technique, and of the robot that brings it.

    Attributes:
        hold_n: reaction that an anchor must hold, N (Parness' drill feed).
        gravity_m_s2: effective gravity; Bennu's mean when left out.
        escape_speed_m_s: local.
        weight_on_bit_n, spindle_rad_s: what the anchored robot can give to a drill.
        core_m, core_time_s: depth to core and time for it.
        pull_n: horizontal force that an excavator may use; cut_m: depth that it must cut.
        gas_kg, sample_kg: gas of a sampler and mass that it must bring.
    """

    hold_n: float = 60.0
    gravity_m_s2: float = 5.5e-5
    escape_speed_m_s: float = 0.20
    weight_on_bit_n: float = 60.0
    spindle_rad_s: float = 12.0
    core_m: float = 0.05
    core_time_s: float = 1800.0
    pull_n: float = 20.0
    cut_m: float = 0.025
    gas_kg: float = 0.02
    sample_kg: float = 0.06


@dataclass(frozen=True, slots=True)
class Suitability:
    """Whether a technique suits a material.

    Attributes:
        margin: what it gives over what the job needs; >= 1 suits.
        reason: one sentence with the numbers.
    """

    technique: str
    material: str
    margin: float
    reason: str

    @property
    def suits(self) -> bool:
        """Whether the model says that it does the job."""
        return self.margin >= 1.0

    @property
    def doubtful(self) -> bool:
        """Whether the margin is within what the models are worth."""
        return 1.0 / DOUBT < self.margin < DOUBT


@dataclass(frozen=True, slots=True)
class Ground:
    """One draw of a material: the numbers that the models take."""

    name: str
    loose: bool
    density_kg_m3: float
    ucs_pa: float
    cohesion_pa: float
    friction_rad: float
    grain_m: float
    specific_energy_ratio: float
    spine_normal_n: float
    foot_friction: float


def ground_of(material: Material, z: dict[str, float] | None = None) -> Ground:
    """The material at its median, or `z` deviations off: of strength, density, grain, friction, spine, energy.

    Strength and cohesion move together: they are one Mohr-Coulomb material.

    Raises:
        ValueError: a deviation of something else.
    """
    at = dict.fromkeys(("strength", "density", "grain", "friction", "spine", "energy"), 0.0)
    unknown = set(z or {}) - set(at)
    if unknown:
        raise ValueError(f"no deviation called {', '.join(sorted(unknown))}; there are {', '.join(at)}")
    at |= z or {}
    friction = material.friction_deg + at["friction"] * material.friction_sd_deg
    return Ground(
        name=material.name,
        loose=material.kind == "regolith" or material.ucs_pa.median < 1e4,
        density_kg_m3=material.density.at(at["density"]),
        ucs_pa=material.ucs_pa.at(at["strength"]),
        cohesion_pa=material.cohesion_pa.at(at["strength"]),
        friction_rad=math.radians(min(max(friction, 1.0), 75.0)),
        grain_m=material.grain.at(at["grain"]),
        specific_energy_ratio=material.specific_energy_ratio.at(at["energy"]),
        spine_normal_n=material.spine_normal.at(at["spine"]),
        foot_friction=material.foot_friction,
    )


def suits(technique: str, material: Material, job: Job | None = None, z: dict[str, float] | None = None) -> Suitability:
    """Whether `technique` does `job` in `material`, and why.

    Args:
        technique: one of `TECHNIQUES`.
        material: loaded from `sim_worlds/materials/`.
        job: reference job when left out.
        z: deviations of the ground from its median (`ground_of`).

    Raises:
        ValueError: no such technique.
    """
    if technique not in TECHNIQUES:
        raise ValueError(f"no technique called '{technique}'; there are {', '.join(TECHNIQUES)}")
    margin, reason = TECHNIQUES[technique](ground_of(material, z), job or Job())
    return Suitability(technique, material.name, margin, reason)


def suitability_table(materials: Iterable[Material], job: Job | None = None) -> list[Suitability]:
    """Every technique in every material."""
    return [suits(technique, material, job) for material in materials for technique in TECHNIQUES]


def success_probability(
    technique: str, material: Material, rng: np.random.Generator, draws: int = 200, job: Job | None = None
) -> float:
    """Share of seeded draws of the ground in which the technique does the job: the outcome is a distribution.

    Raises:
        ValueError: no such technique, or no draws.
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}, expected at least 1")
    names = ("strength", "density", "grain", "friction", "spine", "energy")
    deviates = rng.standard_normal((draws, len(names)))
    won = sum(suits(technique, material, job, dict(zip(names, row.tolist(), strict=True))).suits for row in deviates)
    return won / draws


def _microspines(ground: Ground, job: Job) -> tuple[float, str]:
    return (
        ground.spine_normal_n / job.hold_n,
        f"a 256-spine gripper holds {_said(ground.spine_normal_n, 'N')} of the {job.hold_n:.3g} N asked",
    )


def _plate(ground: Ground, job: Job) -> tuple[float, str]:
    if not ground.loose:
        return 0.0, f"a plate cannot be buried in ground of {_said(ground.ucs_pa, 'Pa')}"
    held = float(
        anchoring.plate_strength_n(
            0.2, 0.1, ground.density_kg_m3, job.gravity_m_s2, ground.friction_rad, ground.cohesion_pa
        )
    )
    return held / job.hold_n, f"a 100 mm plate 0.2 m down holds {_said(held, 'N')} of the {job.hold_n:.3g} N asked"


def _helix(ground: Ground, job: Job) -> tuple[float, str]:
    if not ground.loose and ground.ucs_pa > 1e5:
        return 0.0, f"a helix does not screw into ground of {_said(ground.ucs_pa, 'Pa')}"
    held = float(
        anchoring.helix_strength_n(
            0.4, 0.1, ground.density_kg_m3, job.gravity_m_s2, ground.friction_rad, ground.cohesion_pa, 3, 0.1
        )
    )
    return (
        held / job.hold_n,
        f"three 100 mm helix plates down to 0.4 m hold {_said(held, 'N')} of the {job.hold_n:.3g} N asked",
    )


def _screw(ground: Ground, job: Job) -> tuple[float, str]:
    """A self-drilling screw of 20 x 60 mm, driven with the weight on bit; a third of its thread's cylinder counts."""
    bit = drilling.CoreBit(0.02, 0.0)
    if drilling.threshold_thrust_n(ground.ucs_pa, bit) > job.weight_on_bit_n:
        return 0.0, f"{job.weight_on_bit_n:.3g} N do not drive a 20 mm screw into {_said(ground.ucs_pa, 'Pa')}"
    held = float(anchoring.screw_pull_out_n(0.02, 0.06, ground.cohesion_pa)) / 3.0
    return held / job.hold_n, f"a 20 x 60 mm screw holds {_said(held, 'N')} of the {job.hold_n:.3g} N asked"


def _wedge(ground: Ground, job: Job) -> tuple[float, str]:
    """Jaws of 10 cm2 across a cobble, pressed to a third of what the rock bears."""
    press = min(400.0, ground.ucs_pa * 1e-3 / 3.0)
    held = float(anchoring.jaw_grip_n(press, ground.foot_friction)) if not ground.loose else 0.0
    if ground.loose:
        return 0.0, f"jaws close through loose ground of {_said(ground.cohesion_pa, 'Pa')}"
    return (
        held / job.hold_n,
        f"jaws pressed with {_said(press, 'N')} hold {_said(held, 'N')} of the {job.hold_n:.3g} N asked",
    )


def _coring(ground: Ground, job: Job, blow_energy_j: float) -> tuple[float, str]:
    bit = drilling.CoreBit(0.027, 0.013, blow_energy_j, 30.0 if blow_energy_j else 0.0)
    if ground.loose:
        # side friction pi d L c against the inertia pi/4 d^2 L rho a of handling
        needed_pa = ground.density_kg_m3 * HANDLING_M_S2 * bit.inner_m / 4.0
        return (
            ground.cohesion_pa / needed_pa,
            f"a core of {_said(ground.cohesion_pa, 'Pa')}, {_said(needed_pa, 'Pa')} keep it in the bit",
        )
    rate, _ = drilling.core_drill_response(
        job.weight_on_bit_n, job.spindle_rad_s, ground.ucs_pa, ground.specific_energy_ratio, bit
    )
    needed = job.core_m / job.core_time_s
    return rate / needed, f"{rate * 6e4:.3g} mm/min at {job.weight_on_bit_n:.3g} N, {needed * 6e4:.3g} mm/min asked"


def _rotary(ground: Ground, job: Job) -> tuple[float, str]:
    return _coring(ground, job, 0.0)


def _percussive(ground: Ground, job: Job) -> tuple[float, str]:
    return _coring(ground, job, 2.0)


def _drum(ground: Ground, job: Job) -> tuple[float, str]:
    if ground.grain_m > job.cut_m:
        return (
            job.cut_m / ground.grain_m / 2.0,
            f"grains of {ground.grain_m:.2g} m do not pass a cut of {job.cut_m:.2g} m",
        )
    cut = excavation.drum_cut(
        job.cut_m, 0.15, 0.15, 0.6, 0.0, ground.density_kg_m3, ground.cohesion_pa, ground.friction_rad, job.gravity_m_s2
    )
    force = max(abs(cut.horizontal_n), 1e-9)
    return min(
        job.pull_n / force, 1e6
    ), f"a cut of {job.cut_m:.2g} m takes {_said(force, 'N')} of the {job.pull_n:.3g} N there are"


def _gas(ground: Ground, job: Job) -> tuple[float, str]:
    """The jet's shear on the bed must beat cohesion, and its momentum must lift the sample 0.1 m to the collector."""
    jet = float(sampling.jet_speed_m_s(293.0, 0.028, 1.4))
    # 1 kPa under the head: 20 g in a second through an outlet of 100 cm2 with the jet's momentum
    pressure = job.gas_kg * jet / 1.0 / 0.01
    loosen = pressure / max(ground.cohesion_pa, 1e-9)
    lifted = job.gas_kg * min(float(sampling.gas_lift_ratio(jet, job.gravity_m_s2, 0.1)), 1000.0)
    if ground.grain_m > 0.02:
        return 0.5 * 0.02 / ground.grain_m, f"grains of {ground.grain_m:.2g} m do not pass the inlet of 20 mm"
    if loosen < 1.0:
        return loosen, f"a jet of {_said(pressure, 'Pa')} does not loosen {_said(ground.cohesion_pa, 'Pa')}"
    return min(
        loosen, lifted / job.sample_kg
    ), f"{job.gas_kg * 1e3:.3g} g of gas lift up to {lifted:.3g} kg of loose grains"


def _projectile(ground: Ground, job: Job) -> tuple[float, str]:
    """5 g at 300 m/s; one part in a thousand of what is excavated reaches the bag (Hayabusa2 returned 5.4 g)."""
    soil = sampling.CraterSoil(0.132 if ground.loose else 0.095, 0.41 if ground.loose else 0.55, ground.ucs_pa)
    volume = float(sampling.crater_volume_m3(0.005, 300.0, 16_650.0, ground.density_kg_m3, job.gravity_m_s2, soil))
    caught = 1e-3 * volume * ground.density_kg_m3
    return caught / 0.1e-3, f"about {caught * 1e3:.2g} g caught of what 5 g at 300 m/s throws up, 0.1 g asked"


def _scoop(ground: Ground, job: Job) -> tuple[float, str]:
    force = float(
        excavation.mckyes_force(
            0.03, 0.05, ground.density_kg_m3, ground.cohesion_pa, ground.friction_rad, job.gravity_m_s2
        )
    )
    bond = float(bond_number(ground.grain_m / 2.0, ground.density_kg_m3, job.gravity_m_s2))
    keeps = "grains stick together" if bond > 1.0 else "grains float out of an open scoop"
    margin = min(job.pull_n / max(force, 1e-9), 1e6)
    # an open scoop holds nothing by weight in microgravity: only cohesion (or a lid) keeps the load
    kept = 1.0 if job.gravity_m_s2 > 1e-2 else min(1.0, bond)
    return (
        margin * kept if margin >= 1.0 else margin,
        f"the cut takes {_said(force, 'N')} of {job.pull_n:.3g} N; {keeps}",
    )


#: Name -> model of it.
TECHNIQUES: dict[str, Callable[[Ground, Job], tuple[float, str]]] = {
    "microspines": _microspines,
    "buried plate": _plate,
    "helix": _helix,
    "screw": _screw,
    "wedging": _wedge,
    "rotary coring": _rotary,
    "percussive coring": _percussive,
    "bucket drum": _drum,
    "open scoop": _scoop,
    "gas jet": _gas,
    "projectile": _projectile,
}


def _said(value: float, unit: str) -> str:
    """A number for people: two or three digits, and a prefix instead of an exponent."""
    size = abs(value)
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m")):
        if size >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.2g} {unit}"
