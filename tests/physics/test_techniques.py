"""Different ground needs different techniques, and the table says so with reasons."""

from __future__ import annotations

import numpy as np
import pytest

from stope.mission.material import load_material
from stope.mission.shipped import shipped
from stope.physics.techniques import TECHNIQUES, Job, ground_of, success_probability, suitability_table, suits

MATERIALS = {name: load_material(name) for name in shipped("material")}
TABLE = {(row.material, row.technique): row for row in suitability_table(MATERIALS.values())}


def test_every_technique_suits_some_ground_or_fails_everywhere_for_a_stated_reason() -> None:
    """Soil anchors hold nothing on any small body: that is their result, not a gap."""
    hopeless = {t for t in TECHNIQUES if not any(TABLE[m, t].suits for m in MATERIALS)}
    assert hopeless == {"buried plate", "helix"}
    for technique in TECHNIQUES:
        assert not all(TABLE[name, technique].suits for name in MATERIALS)
    assert all(len(row.reason) > 20 for row in TABLE.values())
    assert all(np.isfinite(row.margin) and row.margin >= 0.0 for row in TABLE.values())


@pytest.mark.parametrize(
    ("material", "works", "fails"),
    [
        (
            "bennu_regolith",
            ("bucket drum", "gas jet", "projectile"),
            ("microspines", "screw", "wedging", "rotary coring"),
        ),
        ("c_boulder_strong", ("microspines", "screw", "wedging", "rotary coring"), ("bucket drum", "gas jet")),
        ("s_rock", ("microspines", "percussive coring"), ("rotary coring", "screw", "bucket drum", "gas jet")),
        ("metal", ("wedging",), ("microspines", "rotary coring", "percussive coring", "screw", "bucket drum")),
        ("ice", ("screw", "rotary coring"), ("microspines", "bucket drum", "gas jet")),
    ],
)
def test_each_ground_has_its_techniques(material: str, works: tuple[str, ...], fails: tuple[str, ...]) -> None:
    assert {t: TABLE[material, t].suits for t in works} == dict.fromkeys(works, True)
    assert {t: TABLE[material, t].suits for t in fails} == dict.fromkeys(fails, False)


def test_soil_anchors_come_alive_with_gravity() -> None:
    """The same sand that holds nothing on Bennu holds a plate on Earth."""
    sand = MATERIALS["bench_sand"]
    assert not suits("buried plate", sand).suits
    assert suits("buried plate", sand, Job(gravity_m_s2=9.81)).suits


def test_the_outcome_is_a_distribution_and_seeded() -> None:
    strong = MATERIALS["c_boulder_strong"]
    one, two, other = (success_probability("microspines", strong, np.random.default_rng(s), 400) for s in (1, 1, 2))
    assert one == two
    assert abs(one - other) < 0.1
    # log-normal 90 N with 0.3: P(> 60 N) = Phi(ln 1.5 / 0.3)
    assert one == pytest.approx(0.912, abs=0.05)
    assert success_probability("gas jet", strong, np.random.default_rng(1), 50) == 0.0


def test_a_stronger_draw_is_stronger_in_both_of_its_strengths() -> None:
    low, high = (ground_of(MATERIALS["s_rock"], {"strength": z}) for z in (-1.0, 1.0))
    assert high.ucs_pa / low.ucs_pa == pytest.approx(high.cohesion_pa / low.cohesion_pa)
    assert high.ucs_pa > low.ucs_pa
    assert (
        suits("rotary coring", MATERIALS["ice"], z={"strength": 1.0}).margin
        < suits("rotary coring", MATERIALS["ice"]).margin
    )


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="no technique called 'dynamite'"):
        suits("dynamite", MATERIALS["ice"])
    with pytest.raises(ValueError, match="no deviation called colour"):
        ground_of(MATERIALS["ice"], {"colour": 1.0})
    with pytest.raises(ValueError, match="draws"):
        success_probability("screw", MATERIALS["ice"], np.random.default_rng(0), 0)


@pytest.mark.parametrize("name", sorted(MATERIALS))
def test_every_material_scatters_and_says_what_it_is_mined_for(name: str) -> None:
    material = MATERIALS[name]
    assert material.archetype in ("C", "S", "M", "comet", "lab")
    assert material.ucs_pa.log_sd > 0
    assert material.density_log_sd > 0
    assert material.grain_log_sd > 0
    assert bool(material.valuable) == (material.archetype != "lab")
    for share in material.valuable.values():
        assert 0.0 < share.quantile(0.5) <= 1.0
