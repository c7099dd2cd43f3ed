"""Light, heat, power, windows: geometry, energy balance, books that close."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.physics import environment as env

few = settings(max_examples=25)
angles = st.floats(-1.5, 1.5)


@few
@given(angles, angles)
def test_day_and_insolation_are_the_means_of_the_elevation(latitude, declination):
    hour = 2 * np.pi * (np.arange(20_000) + 0.5) / 20_000
    sine = env.sun_elevation_sine(latitude, declination, hour)
    assert env.daylight_fraction(latitude, declination) == pytest.approx(np.mean(sine > 0), abs=2e-3)
    mean = env.mean_insolation_w_m2(1000.0, latitude, declination)
    assert mean == pytest.approx(1000.0 * np.maximum(sine, 0.0).mean(), abs=0.5)


def test_sun_and_shadow():
    assert env.mean_insolation_w_m2(1000.0, 0.0, 0.0) == pytest.approx(1000.0 / math.pi)
    assert env.daylight_fraction([1.5, -1.5], [0.4, 0.4]).tolist() == [1.0, 0.0]
    assert env.incidence_cosine([0, 0, 2.0], [[0, 0, 3.0], [0, 0, -1.0], [0, 1.0, 1.0]]) == pytest.approx(
        [1, 0, 0.5**0.5]
    )
    turn = np.linspace(0, 2 * np.pi, 100_001)
    orbit = 1.5 * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    assert env.in_shadow(orbit, [1.0, 0, 0], 1.0).mean() == pytest.approx(
        float(env.eclipse_fraction(1.5, 1.0)), abs=1e-4
    )


def test_equilibrium_of_the_research_notes():
    flux = env.solar_flux_w_m2([0.897, 1.356])
    assert env.subsolar_temperature_k(flux) == pytest.approx([425.0, 345.0], abs=1.0)


@pytest.mark.parametrize(("inertia", "latitude"), [(50.0, 0.0), (300.0, 0.6), (1500.0, 0.0)])
def test_a_settled_day_emits_what_it_absorbs(inertia, latitude):
    day = env.surface_day_k(1000.0, inertia, 15466.0, latitude_rad=latitude, days=60)
    absorbed = 0.98 * env.mean_insolation_w_m2(1000.0, latitude, 0.0)
    assert np.mean(0.9 * 5.670374419e-8 * day**4) == pytest.approx(absorbed, rel=0.01)
    assert day.max() < env.subsolar_temperature_k(1000.0)


def test_inertia_levels_the_day_and_delays_noon():
    days = [env.surface_day_k(1000.0, inertia, 15466.0) for inertia in (10.0, 100.0, 1000.0)]
    swings = [np.ptp(day) for day in days]
    assert swings[0] > swings[1] > swings[2]
    assert [int(np.argmax(day)) for day in days] == sorted(int(np.argmax(day)) for day in days)
    assert days[0].max() == pytest.approx(float(env.subsolar_temperature_k(1000.0)), rel=0.01)


@few
@given(st.floats(0.001, 5.0), st.floats(200.0, 8000.0), st.floats(300.0, 2000.0), st.floats(1e3, 1e6))
def test_skin_depth_and_inertia_belong_together(k, rho, c, period):
    gamma = env.thermal_inertia(k, rho, c)
    assert env.density_from_inertia_kg_m3(gamma, k, c) == pytest.approx(rho)
    depth = env.skin_depth_m(k, rho, c, period)
    assert depth == pytest.approx(gamma / (rho * c) * math.sqrt(period / math.pi))


def test_a_battery_keeps_its_books():
    made = np.array([0.0, 50.0, 50.0, 0.0, 0.0, 0.0])
    run = env.run_battery(made, 20.0, 10.0, 500.0, 100.0, efficiency=0.9)
    assert run.charge_j.tolist() == [100.0, 0.0, 270.0, 500.0, 300.0, 100.0, 0.0]
    assert run.spilled_j == pytest.approx(40.0)
    assert run.empty_at_s == pytest.approx(5.0)
    assert env.run_battery(50.0, 20.0, 10.0, 500.0, 100.0).empty_at_s == math.inf
    assert env.endurance_s(3600.0, 1.0, usable=0.8) == pytest.approx(2880.0)
    assert env.night_energy_j(10.0, 15466.0) == pytest.approx(77_330.0)
    assert env.capacity_at_k(100.0, [200.0, 253.0, 330.0]).tolist() == [0.0, 50.0, 100.0]
    assert env.panel_power_w(1000.0, 2.0, [1.0, -0.5]) == pytest.approx([600.0, 0.0])


def test_windows_are_as_long_as_geometry_says():
    (first, last) = env.hover_windows(15466.0, 245.0, 1000.0, 0.0)
    share = (first[1] - first[0] + last[1] - last[0]) / 15466.0
    assert share == pytest.approx(float(env.hover_visibility_fraction(1000.0, 245.0)), abs=1e-3)
    assert env.hover_windows(15466.0, 245.0, 1000.0, 1.5, mask_rad=0.3) == []
    assert env.windows([0.0, 1.0, 2.0, 3.0], [-1.0, 1.0, 1.0, -1.0]) == [(0.5, 2.5)]
    assert env.windows([0.0, 1.0], [1.0, 1.0]) == [(0.0, 1.0)]
    assert env.elevation_rad([1.0, 0, 0], [[2.0, 0, 0], [1.0, 5.0, 0]]) == pytest.approx([math.pi / 2, 0.0])
    assert env.light_time_s(1.495978707e11) == pytest.approx(499.0, abs=0.01)


@pytest.mark.parametrize(
    "call",
    [
        lambda: env.solar_flux_w_m2(0.0),
        lambda: env.sun_elevation_sine(45.0, 0.0, 0.0),  # degrees
        lambda: env.eclipse_fraction(0.5, 1.0),
        lambda: env.hover_visibility_fraction(0.5, 1.0),
        lambda: env.porosity(3000.0, 2800.0),
        lambda: env.surface_day_k(1000.0, 0.0, 15466.0),
        lambda: env.run_battery(1.0, 1.0, 1.0, 10.0, 20.0),
        lambda: env.panel_power_w(1000.0, 1.0, 1.0, efficiency=1.2),
        lambda: env.windows([0.0, 0.0], [1.0, 1.0]),
    ],
)
def test_what_no_sky_has_is_refused(call):
    with pytest.raises(ValueError, match=r"expected|must|below|more than|increasing"):
        call()
