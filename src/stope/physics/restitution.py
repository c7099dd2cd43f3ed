"""Bouncing: restitution of a spring and damper, rebounds and how long they go on in low gravity.

Source: linear spring-dashpot contact (A); 10 cm spheres on sand did not rebound below 1 m/s2 (Murdoch 2017, V), a
buried boulder raises the ratio of speeds (Thuillet 2021, V).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, fraction, non_negative, positive

__all__ = [
    "bounce_height_m",
    "bouncing_time_s",
    "contact_damping_n_s_m",
    "contact_time_s",
    "damping_ratio",
    "restitution",
]


def restitution(damping_ratio: npt.ArrayLike) -> Array:
    """Speed ratio of a bounce: exp(-pi z / sqrt(1 - z^2)); 0 from z = 1 on.

    Raises:
        ValueError: a negative damping ratio.

    Range: half a cycle of the free oscillator, adhesion during release allowed (the plain Kelvin-Voigt contact).
    """
    z = non_negative("damping_ratio", damping_ratio)
    under = np.sqrt(np.maximum(1.0 - z * z, 1e-300))
    return np.where(z < 1.0, np.exp(-np.pi * z / under), 0.0)


def damping_ratio(restitution_value: npt.ArrayLike) -> Array:
    """z that gives a restitution e in (0, 1]: -ln e / sqrt(pi^2 + ln^2 e); the inverse of `restitution`."""
    log = np.log(positive("restitution", fraction("restitution", restitution_value)))
    return np.asarray(-log / np.sqrt(np.pi**2 + log * log))


def contact_damping_n_s_m(
    restitution_value: npt.ArrayLike, stiffness_n_m: npt.ArrayLike, mass_kg: npt.ArrayLike
) -> Array:
    """Damper that makes a contact of this stiffness return e: 2 z sqrt(k m), N s/m. ValueError unless positive."""
    size = np.sqrt(positive("stiffness_n_m", stiffness_n_m) * positive("mass_kg", mass_kg))
    return np.asarray(2.0 * damping_ratio(restitution_value) * size)


def contact_time_s(restitution_value: npt.ArrayLike, stiffness_n_m: npt.ArrayLike, mass_kg: npt.ArrayLike) -> Array:
    """Duration of a contact: pi sqrt(m / k) / sqrt(1 - z^2), s. A simulator needs some ten steps of it."""
    z = damping_ratio(restitution_value)
    period = np.pi * np.sqrt(positive("mass_kg", mass_kg) / positive("stiffness_n_m", stiffness_n_m))
    return np.asarray(period / np.sqrt(1.0 - z * z))


def bounce_height_m(speed_m_s: npt.ArrayLike, restitution_value: npt.ArrayLike, gravity_m_s2: npt.ArrayLike) -> Array:
    """Height of a rebound in uniform gravity: (e v)^2 / (2 g), m. Near escape speed use `ejecta`."""
    speed = fraction("restitution", restitution_value) * non_negative("speed_m_s", speed_m_s)
    return np.asarray(speed * speed / (2.0 * positive("gravity_m_s2", gravity_m_s2)))


def bouncing_time_s(speed_m_s: npt.ArrayLike, restitution_value: npt.ArrayLike, gravity_m_s2: npt.ArrayLike) -> Array:
    """Time from the first contact until all bounces are over: 2 e v / (g (1 - e)), s; infinite for e = 1 (A)."""
    e = fraction("restitution", restitution_value)
    first = 2.0 * e * non_negative("speed_m_s", speed_m_s) / positive("gravity_m_s2", gravity_m_s2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(e < 1.0, first / (1.0 - e), np.where(first > 0.0, np.inf, 0.0))
