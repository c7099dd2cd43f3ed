"""Gravity of small bodies: polyhedra, ellipsoids, spheres; and what gravity and spin make of a surface.

Points are (3,) or (N, 3) m in a body-fixed frame. Potentials are positive (GM/r far away), accelerations point to the
body. The rotating frame's own functions (`frames`) are named here too, because nobody asks for one without the other.
"""

from stope.physics.constants import G
from stope.physics.frames import (
    centrifugal,
    coriolis,
    effective_acceleration,
    effective_slope_deg,
    jacobi_integral,
    local_escape_speed,
    spin_limit_period_s,
    spin_vector,
)
from stope.physics.gravity.ellipsoid import Ellipsoid
from stope.physics.gravity.polyhedron import Polyhedron
from stope.physics.gravity.sphere import (
    escape_speed,
    point_mass_acceleration,
    point_mass_gradient,
    point_mass_potential,
    surface_gravity,
    synchronous_radius_m,
)

__all__ = [
    "Ellipsoid",
    "G",
    "Polyhedron",
    "centrifugal",
    "coriolis",
    "effective_acceleration",
    "effective_slope_deg",
    "escape_speed",
    "jacobi_integral",
    "local_escape_speed",
    "point_mass_acceleration",
    "point_mass_gradient",
    "point_mass_potential",
    "spin_limit_period_s",
    "spin_vector",
    "surface_gravity",
    "synchronous_radius_m",
]
