"""Bodies: shipped numbers agree with themselves and with the published ones; shape models get what is known of them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from stope.mission.body import Body, EllipsoidShape, ObjShape, load_body
from stope.mission.errors import InputError
from stope.mission.shipped import shipped
from stope.mission.source import read_yaml

G = 6.67430e-11

TETRAHEDRON = "v 0 0 0\nv 100 0 0\nv 0 100 0\nv 0 0 100\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"


def write(folder: Path, text: str) -> Path:
    file = folder / "body.yaml"
    file.write_text(text)
    return file


def text_of(**changes: str) -> str:
    fields = {
        "name": "ball", "type": "C", "shape": "{kind: ellipsoid, semi_axes_m: [100, 100, 100]}",
        "density_kg_m3": "1200", "spin_period_s": "20000", "source": '["made up"]',
    }  # fmt: skip
    return "\n".join(f"{key}: {value}" for key, value in (fields | changes).items() if value)


def test_every_shipped_body_loads_and_says_where_its_numbers_come_from() -> None:
    for name in shipped("body"):
        body = load_body(name)
        assert body.name == name
        assert all(len(line) > 10 for line in body.source)
        assert body.summary


@pytest.mark.parametrize(
    ("name", "mean_radius_m", "gravity_m_s2", "escape_m_s"),
    [  # research/physics.md 1.2
        ("bennu", 245.03, 8.15e-5, 0.200),
        ("eros", 8420.0, 6.3e-3, 10.3),
        ("ryugu", 448.0, 1.50e-4, 0.366),
        ("psyche", 111e3, 0.124, 166.0),
        ("dimorphos", 75.5, 5.06e-5, 0.087),  # the table has 5.0e-5 from a mass rounded to 4.3e9 kg
        ("67p", 1650.0, 2.45e-4, 0.90),  # the table rounds 2.4e-4
    ],
)
def test_shipped_asteroids_have_the_published_bulk(
    name: str, mean_radius_m: float, gravity_m_s2: float, escape_m_s: float
) -> None:
    body = load_body(name)
    assert isinstance(body.shape, EllipsoidShape)
    radius = (3 * body.shape.volume_m3 / (4 * math.pi)) ** (1 / 3)
    assert radius == pytest.approx(mean_radius_m, rel=0.005)
    assert body.density_kg_m3 is not None
    assert body.density_for(body.shape.volume_m3) == pytest.approx(body.density_kg_m3, rel=0.02)
    gm = G * body.density_for(body.shape.volume_m3) * body.shape.volume_m3
    assert gm / radius**2 == pytest.approx(gravity_m_s2, rel=0.01)
    assert math.sqrt(2 * gm / radius) == pytest.approx(escape_m_s, rel=0.01)


def test_spin_rate_of_bennu_halves_gravity_at_its_equator() -> None:
    body = load_body("bennu")
    assert body.spin_rad_s**2 * 245.03 / 8.15e-5 == pytest.approx(0.50, abs=0.01)
    assert load_body("lab_1g").spin_rad_s == 0.0


def test_lab_bench_offloads_only_where_it_says_so() -> None:
    assert load_body("lab_1g").gravity_m_s2 == 9.80665
    assert load_body("lab_1g").offload_fraction == 0.97
    assert load_body("lab_1g_no_offload").offload_fraction == 0.0


@pytest.mark.parametrize(("mass", "agrees"), [(5.0e9, True), (4.4e9, True), (4.2e9, False), (5.9e9, False)])
def test_mass_and_density_must_agree_within_fifteen_percent(tmp_path: Path, mass: float, agrees: bool) -> None:
    file = write(tmp_path, text_of(mass_kg=repr(mass)))  # 1200 kg/m3 in a ball of 100 m is 5.03e9 kg
    if agrees:
        volume = 4e6 / 3 * math.pi
        assert read_yaml(file, Body).density_for(volume) == pytest.approx(mass / volume)
        return
    with pytest.raises(InputError, match=r"density_kg_m3: read a volume of 4.189e\+06 m3.*expected 1200 kg/m3 within"):
        read_yaml(file, Body)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"density_kg_m3": ""}, "'density_kg_m3' or 'mass_kg' or both"),
        ({"gravity_m_s2": "1"}, "nothing for a body with a shape; remove it"),
        ({"offload_fraction": "0.5"}, "offload_fraction: read 0.5, expected 0 unless the shape is flat"),
        ({"offload_fraction": "1"}, "expected less than 1"),
        ({"shape": "{kind: flat}", "density_kg_m3": ""}, "the field 'gravity_m_s2' for a flat bench"),
        ({"shape": "{kind: flat}", "gravity_m_s2": "9.8"}, "a flat bench does not spin"),
        ({"shape": "{kind: elipsoid}"}, "did you mean 'ellipsoid'?"),
        ({"shape": "{kind: ellipsoid, semi_axes_m: [1, 2]}"}, "semi_axes_m: read a list of 2, expected 3 entries"),
        ({"shape": "{kind: ellipsoid, semi_axes_m: [1, 2, -3]}"}, "axes_m.2: read -3, expected more than 0 metres"),
        ({"shape": "{kind: obj, path: x.obj, unit: mile}"}, "shape.unit: read 'mile', expected 'm' or 'km'"),
        ({"density_kg_m3": "1.19"}, "expected at least 100 kilograms per cubic metre"),
        ({"spin_period_s": "4.3 h"}, "write seconds as a plain number, 15480"),
        ({"source": "[]"}, "expected at least 1 entries"),
    ],
)  # fmt: skip
def test_what_a_body_cannot_be(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_yaml(write(tmp_path, text_of(**changes)), Body)
    assert words in str(caught.value)
    assert caught.value.line is not None


@pytest.mark.parametrize(
    ("file_name", "mass_kg", "density_kg_m3", "period_h"),
    [
        ("bennu_14744.obj", 7.329e10, 1190, 4.296057), ("RYUGU.obj", 4.50e11, 1190, 7.63262),
        ("itokawa-low.obj", 3.51e10, 1900, 12.132), ("eros_7790.obj", 6.687e15, 2670, 5.270),
    ],
)  # fmt: skip
def test_a_shape_model_named_after_a_known_body_gets_its_numbers(
    tmp_path: Path, file_name: str, mass_kg: float, density_kg_m3: float, period_h: float
) -> None:
    (tmp_path / file_name).write_text(TETRAHEDRON)
    body = Body.with_obj(tmp_path / file_name, "km")
    assert (body.mass_kg, body.density_kg_m3) == (mass_kg, density_kg_m3)
    assert body.spin_period_s == pytest.approx(period_h * 3600)
    assert body.shape == ObjShape(kind="obj", path=str(tmp_path / file_name), unit="km")
    assert file_name in body.assumptions[0]


def test_an_unknown_shape_model_says_what_is_assumed(tmp_path: Path) -> None:
    (tmp_path / "thing.obj").write_text(TETRAHEDRON)
    body = load_body(str(tmp_path / "thing.obj"))
    assert (body.density_kg_m3, body.mass_kg, body.spin_period_s) == (2000.0, None, 28800.0)
    assert "2000 kg/m3" in body.assumptions[0]
    assert "8 h" in body.assumptions[1]
    assert body.density_for(123.0) == 2000.0


def test_a_wrong_unit_shows_as_a_wrong_density(tmp_path: Path) -> None:
    (tmp_path / "bennu.obj").write_text(TETRAHEDRON)
    body = Body.with_obj(tmp_path / "bennu.obj", "km")
    with pytest.raises(InputError, match=r"bennu.obj: read a volume .* expected 1190 kg/m3 .*--body-unit"):
        body.density_for(6.16e7 * 1e9)
    assert body.density_for(6.16e7) == pytest.approx(1190, rel=0.01)


def test_a_missing_shape_model_or_a_strange_unit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        Body.with_obj(tmp_path / "none.obj")
    (tmp_path / "a.obj").write_text(TETRAHEDRON)
    with pytest.raises(InputError, match="--body-unit: read 'ft', expected m or km"):
        Body.with_obj(tmp_path / "a.obj", "ft")


def test_a_body_file_finds_its_shape_beside_itself(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text(TETRAHEDRON)
    body = load_body(write(tmp_path, text_of(shape="{kind: obj, path: a.obj}")))
    assert isinstance(body.shape, ObjShape)
    assert Path(body.shape.path) == tmp_path / "a.obj"
    with pytest.raises(InputError, match=r"shape.path: read .*b.obj'.*expected a shape model"):
        load_body(write(tmp_path, text_of(shape="{kind: obj, path: b.obj}")))
