"""Constants of nature that more than one model uses, and the checks that every model makes of its input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = [
    "EARTH_GRAVITY_M_S2",
    "GAS_CONSTANT",
    "SOLAR_CONSTANT_W_M2",
    "STEFAN_BOLTZMANN",
    "G",
    "acute",
    "finite",
    "fraction",
    "non_negative",
    "positive",
]

Array = npt.NDArray[np.float64]

G = 6.67430e-11  #: gravitational constant, m3/(kg s2), CODATA 2018
STEFAN_BOLTZMANN = 5.670374419e-8  #: W/(m2 K4), exact since 2019
SOLAR_CONSTANT_W_M2 = 1361.0  #: at 1 au, Kopp & Lean 2011
GAS_CONSTANT = 8.314462618  #: J/(mol K), exact since 2019
EARTH_GRAVITY_M_S2 = 9.80665  #: standard gravity, 3rd CGPM 1901


def finite(name: str, value: npt.ArrayLike) -> Array:
    """`value` as float64.

    Raises:
        ValueError: an element is NaN or infinite.
    """
    return _checked(name, value, np.isfinite, "a finite number")


def positive(name: str, value: npt.ArrayLike) -> Array:
    """`value` as float64, every element > 0 and finite; ValueError otherwise."""
    return _checked(name, value, lambda x: (x > 0.0) & (x < np.inf), "a positive number")


def non_negative(name: str, value: npt.ArrayLike) -> Array:
    """`value` as float64, every element >= 0 and finite; ValueError otherwise."""
    return _checked(name, value, lambda x: (x >= 0.0) & (x < np.inf), "zero or a positive number")


def fraction(name: str, value: npt.ArrayLike) -> Array:
    """`value` as float64, every element in [0, 1]; ValueError otherwise."""
    return _checked(name, value, lambda x: (x >= 0.0) & (x <= 1.0), "a fraction from 0 to 1")


def acute(name: str, value: npt.ArrayLike) -> Array:
    """`value` as float64, every element an angle in [0, pi/2) rad; ValueError otherwise (degrees?)."""
    return _checked(name, value, lambda x: (x >= 0.0) & (x < np.pi / 2.0), "an angle in radians from 0 to below pi/2")


def _checked(name: str, value: npt.ArrayLike, holds: Callable[[Array], npt.NDArray[np.bool_]], expected: str) -> Array:
    array = np.asarray(value, dtype=np.float64)
    good = np.asarray(holds(array))
    if not good.all():
        bad = array[~good].flat[0]
        raise ValueError(f"{name} is {bad:g}, expected {expected}")
    return array
