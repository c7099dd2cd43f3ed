"""Where the feet are relative to the base: shared by all tasks of a run, so that one hands over to the next at rest."""

from __future__ import annotations

import numpy as np

from stope.control.kinematics import Kinematics
from stope.robot.messages import Vector
from stope.robot.model import RobotModel

RELAX_M_S_N = 2.0e-4  # of yielding per newton too much: half a second to settle on limbs of 1e4 N/m
RELAX_M_S, RELAX_MOST_M = 4.0e-3, 0.03
UNSTRESS_S = 0.4  # time constant


class Stance:
    """Foot targets in the base frame.

    Attributes:
        feet_m: (L, 3) present targets.
        nominal_m: (L, 3) feet of the model's stance.
        given_m: (L, 3) by how much gripped feet gave way (`relax`).
        outward: (L, 3) unit horizontal directions from the base to each foot; 0 for a clamp.
    """

    def __init__(self, model: RobotModel) -> None:
        kinematics = Kinematics(model)
        kinematics.update(np.array(model.stance))
        self.nominal_m: Vector = kinematics.feet_m.copy()
        self.feet_m: Vector = self.nominal_m.copy()
        flat = self.nominal_m * (1.0, 1.0, 0.0)
        length = np.linalg.norm(flat, axis=1, keepdims=True)
        self.given_m: Vector = np.zeros_like(self.nominal_m)
        self.outward: Vector = np.where(length > 1e-6, flat / np.maximum(length, 1e-6), 0.0)

    def hold_here(self, feet_m: Vector, which: np.ndarray) -> None:
        """Take measured feet (L, 3) as targets where `which` (L,): what is gripped is not pulled at."""
        self.feet_m = np.where(which[:, None], feet_m, self.feet_m)

    def relax(self, felt_n: Vector, wanted_n: Vector, anchored: np.ndarray, dt_s: float) -> None:
        """Let gripped feet give way, outward or inward, until they carry the shear that they should.

        A gripped foot cannot turn freely: where a limb bends, the moment of its grip pushes the foot sideways through
        the limb's stiffness, newtons for each centimetre that the body moves. Only along `outward`, and never all
        feet the same way: what remains has the stiffness of the limbs, and so settles.

        Args:
            felt_n, wanted_n: (L, 3) forces of the ground on the feet, base frame; anchored: (L,) bool.
        """
        excess = ((felt_n - wanted_n) * self.outward).sum(axis=1, keepdims=True)
        excess = np.where(anchored[:, None] & np.isfinite(excess), excess, 0.0)
        give = np.clip(excess * (RELAX_M_S_N * dt_s), -RELAX_M_S * dt_s, RELAX_M_S * dt_s) * self.outward
        together = give.sum(axis=0) / max(1, int(anchored.sum()))
        self.given_m = np.where(anchored[:, None], self.given_m + give - together, 0.0)
        reach = float(np.linalg.norm(self.given_m, axis=1).max())
        self.given_m *= min(1.0, RELAX_MOST_M / max(reach, RELAX_MOST_M))

    def unstress(self, feet_m: Vector, which: np.ndarray, dt_s: float) -> None:
        """One period of letting the targets of `which` (L,) go to where the feet (L, 3) are, in `UNSTRESS_S`.

        Grips and joints with friction keep a self-stress that balances itself over four feet, some newtons of it after
        each step or pull. It is taken for what an anchor carries, and snaps back into the robot when one opens. What
        all feet have in common stays: that is what carries weight.
        """
        if not which.any():
            return
        away = feet_m - self.feet_m
        apart = away - away[which].mean(axis=0)
        self.feet_m = self.feet_m + np.where(which[:, None], apart * min(1.0, dt_s / UNSTRESS_S), 0.0)

    def shift_base(self, anchored_feet_m: Vector, shift_m: Vector) -> None:
        """Targets that move the base by `shift_m` (3,) from where the feet were `anchored_feet_m` (L, 3), relaxed."""
        self.feet_m = anchored_feet_m + self.given_m - shift_m
