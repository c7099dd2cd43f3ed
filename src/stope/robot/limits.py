"""Host-side limits: the same numbers that the firmware enforces again. NaN never passes.

`min`/`max` clamps let NaN through (measured in two public stacks), so finiteness is a refusal and comes first.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stope.robot.messages import Command, CommandRefusedError, Sent, Vector
from stope.robot.model import RobotModel


def enforce(command: Command, model: RobotModel) -> Sent:
    """Clamp `command` into the limits of `model`, naming what was changed.

    Raises:
        CommandRefusedError: a set-point is NaN or infinite, or an array has the wrong length. Nothing is sent.
    """
    _check_shape_and_finite(command, model)
    if _lawful(command, model):
        return Sent(seq=command.seq, command=command)
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
    )
    return Sent(seq=command.seq, command=clamped, limited=tuple(limited))


def _lawful(command: Command, model: RobotModel) -> bool:
    """Whether every set-point is inside every limit already: the usual case, told without copying anything."""
    limit = command.joint_effort_limit
    return bool(
        (command.joint_position >= model.position_min).all()
        and (command.joint_position <= model.position_max).all()
        and (np.abs(command.joint_velocity) <= model.velocity_max).all()
        and (limit <= model.effort_max).all()
        and (limit >= 0.0).all()
        and (np.abs(command.joint_effort) <= limit).all()
        and (not model.thrusters or ((command.thrust_n >= 0.0) & (command.thrust_n <= model.thrust_max_n)).all())
    )


def _check_shape_and_finite(command: Command, model: RobotModel) -> None:
    joints, limbs, thrusters = len(model.joints), len(model.limbs), len(model.thrusters)
    for name, expected in (
        ("joint_mode", joints),
        ("joint_position", joints),
        ("joint_velocity", joints),
        ("joint_effort", joints),
        ("joint_effort_limit", joints),
        ("anchor_action", limbs),
        ("thrust_n", thrusters),
    ):
        value = getattr(command, name)
        if value.shape != (expected,):
            raise CommandRefusedError(f"command {command.seq}: {name} has shape {value.shape}, expected ({expected},)")
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise CommandRefusedError(f"command {command.seq}: {name} holds {value[~np.isfinite(value)][0]}")


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
