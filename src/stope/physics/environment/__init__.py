"""Environment of a site: light, heat, power, communication windows."""

from stope.physics.environment.light import (
    daylight_fraction,
    eclipse_fraction,
    in_shadow,
    incidence_cosine,
    mean_insolation_w_m2,
    solar_flux_w_m2,
    sun_elevation_sine,
)
from stope.physics.environment.power import (
    BatteryRun,
    capacity_at_k,
    endurance_s,
    night_energy_j,
    panel_power_w,
    run_battery,
)
from stope.physics.environment.thermal import (
    density_from_inertia_kg_m3,
    porosity,
    skin_depth_m,
    subsolar_temperature_k,
    surface_day_k,
    thermal_inertia,
)
from stope.physics.environment.windows import (
    elevation_rad,
    hover_visibility_fraction,
    hover_windows,
    light_time_s,
    windows,
)

__all__ = [
    "BatteryRun", "capacity_at_k", "daylight_fraction", "density_from_inertia_kg_m3", "eclipse_fraction",
    "elevation_rad", "endurance_s", "hover_visibility_fraction", "hover_windows", "in_shadow", "incidence_cosine",
    "light_time_s", "mean_insolation_w_m2", "night_energy_j", "panel_power_w", "porosity", "run_battery",
    "skin_depth_m", "solar_flux_w_m2", "subsolar_temperature_k", "sun_elevation_sine", "surface_day_k",
    "thermal_inertia", "windows",
]  # fmt: skip
