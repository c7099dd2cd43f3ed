"""Where the feet are relative to the base: shared by all tasks of a run, so that one hands over to the next at rest."""

from __future__ import annotations

import numpy as np

from stope.control.kinematics import Kinematics
from stope.robot.messages import Vector
from stope.robot.model import RobotModel


class Stance:
    """Foot targets in the base frame.

    Attributes:
        feet_m: (L, 3) present targets.
        nominal_m: (L, 3) feet of the model's stance.
        outward: (L, 3) unit horizontal directions from the base to each foot; 0 for a clamp.
    """

    def __init__(self, model: RobotModel) -> None:
        kinematics = Kinematics(model)
        kinematics.update(np.array(model.stance))
        self.nominal_m: Vector = kinematics.feet_m.copy()
        self.feet_m: Vector = self.nominal_m.copy()
        flat = self.nominal_m * (1.0, 1.0, 0.0)
        length = np.linalg.norm(flat, axis=1, keepdims=True)
        self.outward: Vector = np.where(length > 1e-6, flat / np.maximum(length, 1e-6), 0.0)

    def hold_here(self, feet_m: Vector, which: np.ndarray) -> None:
        """Take measured feet (L, 3) as targets where `which` (L,): what is gripped is not pulled at."""
        self.feet_m = np.where(which[:, None], feet_m, self.feet_m)

    def shift_base(self, anchored_feet_m: Vector, shift_m: Vector) -> None:
        """Targets that move the base by `shift_m` (3,) from where the feet were `anchored_feet_m` (L, 3)."""
        self.feet_m = anchored_feet_m - shift_m
