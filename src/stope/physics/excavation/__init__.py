"""Excavation: blades by five published models, bucket drums, haul rates."""

from stope.physics.excavation.blades import (
    BLADE_MODELS,
    BladeCase,
    balovnev_draft_n,
    depth_for_draft_m,
    draft_spread,
    gill_vanden_berg_draft_n,
    luth_wismer_draft_n,
    mckyes_draft_n,
    swick_perumpral_draft_n,
)
from stope.physics.excavation.drum import (
    FRICTION_MIN_RAD,
    LOAD_GYRATION,
    SCOOP_FRICTION_SHARE,
    SCOOP_OPENING,
    SCOOPS,
    STANDSTILL_M_S,
    DrumCut,
    drum_cut,
    drum_fill,
    haul_rate_kg_h,
)
from stope.physics.excavation.wedge import (
    SCOOP_RAKE_RAD,
    McKyesCoefficients,
    mckyes_coefficients,
    mckyes_force,
)

__all__ = [
    "BLADE_MODELS", "FRICTION_MIN_RAD", "LOAD_GYRATION", "SCOOPS", "SCOOP_FRICTION_SHARE", "SCOOP_OPENING",
    "SCOOP_RAKE_RAD", "STANDSTILL_M_S", "BladeCase", "DrumCut", "McKyesCoefficients", "balovnev_draft_n",
    "depth_for_draft_m", "draft_spread", "drum_cut", "drum_fill", "gill_vanden_berg_draft_n", "haul_rate_kg_h",
    "luth_wismer_draft_n", "mckyes_coefficients", "mckyes_draft_n", "mckyes_force", "swick_perumpral_draft_n",
]  # fmt: skip
