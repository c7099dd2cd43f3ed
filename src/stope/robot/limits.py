"""Host-side limits: the same numbers that the firmware enforces again. NaN never passes.

`min`/`max` clamps let NaN through (measured in two public stacks), so finiteness is a refusal and comes first.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numba import njit

from stope.robot.messages import Command, CommandRefusedError, Sent, Vector
from stope.robot.model import RobotModel


def enforce(command: Command, model: RobotModel) -> Sent:
    """Clamp `command` into the limits of `model`, naming what was changed.

    Raises:
        CommandRefusedError: a set-point is NaN or infinite, or an array has the wrong length. Nothing is sent.
    """
    _check_shapes(command, model)
    if 0.0 <= command.hammer <= 1.0 and _lawful(command, model):
        return Sent(seq=command.seq, command=command)
    _check_finite(command)
    limited: list[str] = []
    effort_limit = _clamp("joint_effort_limit", command.joint_effort_limit, 0.0, model.effort_max, limited, model)
    clamped = replace(
        command,
        joint_position=_clamp(
            "joint_position", command.joint_position, model.position_min, model.position_max, limited, model
        ),
        joint_velocity=_clamp(
            "joint_velocity", command.joint_velocity, -model.velocity_max, model.velocity_max, limited, model
        ),
        joint_effort=_clamp("joint_effort", command.joint_effort, -effort_limit, effort_limit, limited, model),
        joint_effort_limit=effort_limit,
        thrust_n=_clamp_thrust(command.thrust_n, model, limited),
        hammer=min(max(command.hammer, 0.0), 1.0),
    )
    if clamped.hammer != command.hammer:
        limited.append("hammer")
    return Sent(seq=command.seq, command=clamped, limited=tuple(limited))


def _lawful(command: Command, model: RobotModel) -> bool:
    """Whether every set-point is finite and inside every limit already: the usual case, told by one compiled pass."""
    return bool(
        _inside(
            command.joint_position, command.joint_velocity, command.joint_effort, command.joint_effort_limit,
            command.thrust_n, model.limit_rows, model.thrust_max_n,
        )
    )  # fmt: skip


@njit(cache=True)
def _inside(
    position: Vector, velocity: Vector, effort: Vector, limit: Vector, thrust: Vector, rows: Vector, thrust_max: Vector
) -> bool:
    # Each comparison is written so that NaN fails it.
    for i in range(len(position)):
        if not (rows[0, i] <= position[i] <= rows[1, i] and abs(position[i]) < np.inf):
            return False
        if not (abs(velocity[i]) <= rows[2, i] and 0.0 <= limit[i] <= rows[3, i] and abs(effort[i]) <= limit[i]):
            return False
    for i in range(len(thrust)):  # noqa: SIM110  # compiled: a generator is slower
        if not 0.0 <= thrust[i] <= thrust_max[i]:
            return False
    return True


def _check_shapes(command: Command, model: RobotModel) -> None:
    joints, limbs, thrusters = (len(model.joints),), (len(model.limbs),), (len(model.thrusters),)
    c = command
    found = (
        c.joint_mode.shape, c.joint_position.shape, c.joint_velocity.shape, c.joint_effort.shape,
        c.joint_effort_limit.shape, c.anchor_action.shape, c.thrust_n.shape,
    )  # fmt: skip
    wanted = (joints, joints, joints, joints, joints, limbs, thrusters)
    if found == wanted:
        return
    names = ("joint_mode", "joint_position", "joint_velocity", "joint_effort", "joint_effort_limit", "anchor_action",
             "thrust_n")  # fmt: skip
    for name, shape, expected in zip(names, found, wanted, strict=True):
        if shape != expected:
            raise CommandRefusedError(f"command {command.seq}: {name} has shape {shape}, expected {expected}")


def _check_finite(command: Command) -> None:
    for name in ("joint_position", "joint_velocity", "joint_effort", "joint_effort_limit", "thrust_n"):
        value = getattr(command, name)
        if not np.isfinite(value).all():
            raise CommandRefusedError(f"command {command.seq}: {name} holds {value[~np.isfinite(value)][0]}")
    if not math.isfinite(command.hammer):
        raise CommandRefusedError(f"command {command.seq}: hammer holds {command.hammer}")


def _clamp(
    channel: str, value: Vector, low: Vector | float, high: Vector, limited: list[str], model: RobotModel
) -> Vector:
    clamped = np.minimum(np.maximum(value, low), high)
    changed = clamped != value
    if changed.any():
        limited += [f"{channel}:{model.joints[i].name}" for i in np.flatnonzero(changed)]
    return clamped


def _clamp_thrust(thrust_n: Vector, model: RobotModel, limited: list[str]) -> Vector:
    if not model.thrusters:
        return thrust_n
    clamped = np.minimum(np.maximum(thrust_n, 0.0), model.thrust_max_n)
    limited += [f"thrust_n:{model.thrusters[i].name}" for i in np.flatnonzero(clamped != thrust_n)]
    return clamped
