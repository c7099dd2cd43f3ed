"""What a drive makes of the effort that it is asked for: torque-speed curve, heat, backlash and friction of each joint.

One compiled function over arrays, called in every physics step before the rigid bodies move. All at the joint's output,
in joint units (N m and rad, N and m).

Models, each the usual reduced one:
    curve:    motoring effort is at most peak * (1 - |speed| / no-load speed); braking effort at most peak.
    heat:     theta' = ((effort / continuous)^2 - theta) / thermal_s, theta = 1 at the winding's limit; from there the
              drive folds back to the continuous effort within 5 % of theta, as servo drives' i2t limit does.
    backlash: the motor crosses the gap with its rotor's inertia alone and passes nothing on meanwhile; it does not
              bounce, and its impact is left out.
    friction: coulomb * tanh(speed / slip) + viscous * speed. No stiction: a joint at rest feels none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from stope.mission.streams import random_stream
from stope.robot.messages import Vector
from stope.robot.model import RobotModel

FOLD_BACK = 0.05  # of theta, from peak to continuous effort
_PEAK, _NO_LOAD, _CONTINUOUS, _THERMAL, _COULOMB, _VISCOUS, _SLIP, _BACKLASH, _ROTOR = range(9)
HEAT, _GAP, _GAP_SPEED = range(3)
SCATTERED = {"continuous": _CONTINUOUS, "coulomb": _COULOMB, "viscous": _VISCOUS, "backlash": _BACKLASH}
_IDEAL = (np.inf, np.inf, np.inf, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0)


class Motors(NamedTuple):
    """What the kernel knows: parameters (n, 9), and heat, place in the gap and speed in it (n, 3), in place."""

    parameters: Vector
    state: Vector


def build_motors(model: RobotModel, seed: int) -> Motors:
    """The drives of one robot; unit-to-unit scatter of each parameter comes from a stream of its own."""
    n = len(model.joints)
    parameters, spread = np.array([_IDEAL] * n), np.zeros(n)
    for i, joint in enumerate(model.joints):
        a = model.actuators.get(joint.role)
        if a is not None:
            parameters[i] = (a.peak, a.no_load, a.continuous, a.thermal_s, a.coulomb, a.viscous, a.slip, a.backlash,
                             a.rotor_inertia)  # fmt: skip
            spread[i] = a.spread_log_sd
    for name, column in SCATTERED.items():
        parameters[:, column] *= np.exp(spread * random_stream(seed, f"actuator.{name}").standard_normal(n))
    return Motors(parameters, np.zeros((n, 3)))


@njit(cache=True)
def actuate(effort: Vector, speed: Vector, motors: Motors, step_s: float) -> None:
    """Replace the effort (n,) that drives are asked for by what reaches the joints at this speed (n,)."""
    parameters, state = motors
    for i in range(effort.shape[0]):
        p, s = parameters[i], state[i]
        peak = p[_PEAK]
        if s[HEAT] > 1.0:
            peak -= (peak - p[_CONTINUOUS]) * min(1.0, (s[HEAT] - 1.0) / FOLD_BACK)
        limit = peak
        if effort[i] * speed[i] > 0.0:
            limit = peak * max(0.0, 1.0 - abs(speed[i]) / p[_NO_LOAD]) if p[_NO_LOAD] < np.inf else peak
        made = min(max(effort[i], -limit), limit)
        s[HEAT] += step_s * ((made / p[_CONTINUOUS]) ** 2 - s[HEAT]) / p[_THERMAL]
        if p[_BACKLASH] > 0.0:
            made = _cross_gap(made, p, s, step_s)
        effort[i] = made - p[_COULOMB] * np.tanh(speed[i] / p[_SLIP]) - p[_VISCOUS] * speed[i]


@njit(cache=True)
def _cross_gap(made: float, p: Vector, s: Vector, step_s: float) -> float:
    """What of the effort passes the gear: all in contact on the side it pushes to, nothing while the gap is crossed."""
    gap = p[_BACKLASH]
    if (made >= 0.0 and s[_GAP] >= gap) or (made <= 0.0 and s[_GAP] <= 0.0):
        s[_GAP_SPEED] = 0.0
        return made
    s[_GAP_SPEED] += step_s * made / p[_ROTOR]
    s[_GAP] += step_s * s[_GAP_SPEED]
    if s[_GAP] >= gap or s[_GAP] <= 0.0:
        s[_GAP] = min(max(s[_GAP], 0.0), gap)
        s[_GAP_SPEED] = 0.0
    return 0.0
