"""Materials: distributions, and shipped numbers that stay inside what was published."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stope.mission.errors import InputError
from stope.mission.material import Distribution, Material, load_material
from stope.mission.shipped import data_root, shipped
from stope.mission.source import read_yaml

ROCKS = ("c_boulder_weak", "c_boulder_strong", "s_rock", "bench_concrete", "comet_crust", "ice")


def changed(folder: Path, before: str, after: str) -> Path:
    text = (data_root() / "materials" / "s_rock.yaml").read_text()
    assert before in text
    file = folder / "material.yaml"
    file.write_text(text.replace(before, after))
    return file


def test_every_shipped_material_loads_under_its_own_name_with_sources() -> None:
    assert set(shipped("material")) >= {*ROCKS, "bennu_regolith", "s_regolith", "bench_sand"}
    for name in shipped("material"):
        material = load_material(name)
        assert material.name == name
        assert material.summary
        assert any(not line.startswith("ASSUMED") for line in material.source)


@pytest.mark.parametrize("name", sorted(shipped("material")))
def test_strength_and_cohesion_are_one_mohr_coulomb_material(name: str) -> None:
    material = load_material(name)
    phi = math.radians(material.friction_deg)
    ucs = 2 * material.cohesion_pa.median * math.cos(phi) / (1 - math.sin(phi))
    assert material.ucs_pa.median == pytest.approx(ucs, rel=0.02)


def test_spines_hold_between_friable_ground_and_rough_basalt() -> None:
    """Parness et al. 2013: 0.2 to 3.1 N in friable material, more than 130 N normal and 140 N tangential on basalt."""
    for name in shipped("material"):
        material = load_material(name)
        strengths = (material.spine_normal_n, material.spine_shear_n)
        if name in ROCKS:
            assert 3.1 < strengths[0] <= 130
            assert strengths[0] < strengths[1] <= 140
            assert material.spine_log_sd >= 0.06  # the scatter of a bundle of 256 spines alone
        else:
            assert all(0.2 <= strength <= 3.1 for strength in strengths)
    weak, strong, hard = (load_material(name).spine_normal_n for name in ROCKS[:3])
    assert weak < strong < hard


@pytest.mark.parametrize(
    ("name", "low_pa", "high_pa"),
    [("c_boulder_weak", 0.44e6, 1.7e6), ("s_rock", 50e6, 150e6)],  # Ballouz et al. 2020; research/physics.md 3.3
)
def test_two_deviations_of_strength_cover_the_published_range(name: str, low_pa: float, high_pa: float) -> None:
    ucs = load_material(name).ucs_pa
    assert ucs.at(-2) == pytest.approx(low_pa, rel=0.2)
    assert ucs.at(2) == pytest.approx(high_pa, rel=0.25)


def test_regolith_of_bennu_is_as_weak_as_it_was_found() -> None:
    material = load_material("bennu_regolith")
    assert 500 <= material.density_kg_m3 <= 700  # Lauretta et al. 2022
    assert material.cohesion_pa.median <= 2.0  # Perry et al. 2022


@given(st.floats(1e-3, 1e9), st.floats(0.01, 2), st.floats(-4, 4))
def test_quantiles_and_draws_are_log_normal(median: float, log_sd: float, z: float) -> None:
    distribution = Distribution(median=median, log_sd=log_sd)
    assert math.log(distribution.at(z) / median) == pytest.approx(z * log_sd, abs=1e-9)
    assert distribution.quantile(0.5) == pytest.approx(median)
    assert distribution.quantile(0.001) == pytest.approx(distribution.at(-3.0902), rel=1e-3)


def test_a_plain_number_is_known_exactly(tmp_path: Path) -> None:
    material = read_yaml(changed(tmp_path, "ucs_pa: {median: 1.0e8, log_sd: 0.3}", "ucs_pa: 5e6"), Material)
    assert material.ucs_pa == Distribution(median=5e6, log_sd=0.0)
    assert material.ucs_pa.at(3.0) == 5e6
    assert material.spine_normal == Distribution(median=130.0, log_sd=0.25)
    assert material.spine_shear.median == 140.0


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("ucs_pa: {median: 1.0e8, log_sd: 0.3}", "ucs_pa: 5 MPa", "write pascals as a plain number, 5000000"),
        ("ucs_pa: {median: 1.0e8, log_sd: 0.3}", "ucs_pa: -5", "expected at least 0 pascals"),
        ("ucs_pa: {median: 1.0e8, log_sd: 0.3}", "ucs_pa: 5", "UCS is in pascals, 5 MPa is 5e6"),
        ("ucs_pa: {median: 1.0e8, log_sd: 0.3}", "ucs_pa: {mediam: 5}", "did you mean 'median'?"),
        ("ucs_pa: {median: 1.0e8, log_sd: 0.3}", "ucs_pa: true", "ucs_pa: read true"),
        ("ucs_pa:", "ucs:", "did you mean 'ucs_pa'?"),
        ("kind: rock", "kind: rok", "did you mean 'rock'?"),
        ("foot_friction: 0.7", "foot_friction: 7", "expected at most 2"),
    ],
)
def test_what_a_material_cannot_be(tmp_path: Path, before: str, after: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_yaml(changed(tmp_path, before, after), Material)
    assert words in str(caught.value)
    assert caught.value.line is not None
