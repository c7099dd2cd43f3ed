"""The impulse book: change of robot momentum against the sum of booked impulses, and the projection of the drift.

PyBullet's floating multibody gains or loses momentum, first order in the step, when limbs move (research/physics.md
8.2: 4 mm in 20 s at 240 Hz). After every settlement the base twist is corrected so that total momentum equals what
the booked impulses allow; the raw residual is kept and logged, so the correction is visible.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pinocchio as pin

from stope.robot.messages import Vector
from stope.sim.vectors import cross

SOURCES = ("anchors", "contacts", "tools", "thrusters", "gravity", "offload", "mass")


class Centroid:
    """Momentum, centre of mass and inertia of the simulated robot, from the same URDF through Pinocchio.

    Link masses may change (a filling bin, an emptying tank); they are added to the joint that carries the link.
    """

    def __init__(self, urdf: Path, joint_names: tuple[str, ...]) -> None:
        self.model = pin.buildModelFromUrdf(str(urdf), pin.JointModelFreeFlyer())
        self._data = self.model.createData()
        joints = [self.model.joints[self.model.getJointId(name)] for name in joint_names]
        self._v = np.array([j.idx_v for j in joints], dtype=int)
        self._q = [(j.idx_q, j.nq) for j in joints]
        self.mass_kg = float(sum(inertia.mass for inertia in self.model.inertias))  #: with its present loads
        self._bare = [pin.Inertia(inertia) for inertia in self.model.inertias]
        self._loads: dict[str, tuple[float, Vector]] = {}
        self._config = pin.neutral(self.model)
        self._twist = np.zeros(self.model.nv)

    def load(self, link: str, mass_kg: float, centre_m: Vector) -> None:
        """State that `link` carries `mass_kg` more than the URDF says (less, if negative), at `centre_m` in its frame."""
        self._loads[link] = (mass_kg, centre_m)
        inertias = [pin.Inertia(inertia) for inertia in self._bare]
        for name, (extra, centre_m) in self._loads.items():
            frame = self.model.frames[self.model.getFrameId(name)]
            joint = frame.parentJoint
            inertias[joint] = _add_point_mass(inertias[joint], extra, frame.placement.act(centre_m))
        for index, inertia in enumerate(inertias):
            self.model.inertias[index] = inertia
        self.mass_kg = float(sum(inertia.mass for inertia in inertias))

    def evaluate(
        self, position: Vector, quaternion: Vector, linear: Vector, angular: Vector, joints: Vector, rates: Vector
    ) -> tuple[Vector, Vector, Vector, Vector]:
        """Linear momentum (3,), angular momentum about the world origin (3,), centre of mass (3,), inertia there (3, 3)."""
        rotation = pin.Quaternion(quaternion[3], quaternion[0], quaternion[1], quaternion[2]).matrix()
        q, v = self._config, self._twist
        q[0:3], q[3:7] = position, quaternion
        v[0:3], v[3:6] = rotation.T @ linear, rotation.T @ angular
        v[self._v] = rates
        for (start, size), angle in zip(self._q, joints, strict=True):
            if size == 1:
                q[start] = angle
            else:  # Pinocchio keeps a continuous joint as cosine and sine
                q[start], q[start + 1] = np.cos(angle), np.sin(angle)
        pin.ccrba(self.model, self._data, q, v)
        momentum, centre = self._data.hg, self._data.com[0]
        total = momentum.linear.copy()
        return total, momentum.angular + cross(centre, total), centre.copy(), self._data.Ig.inertia.copy()


def _add_point_mass(inertia: pin.Inertia, mass_kg: float, centre: Vector) -> pin.Inertia:
    total = inertia.mass + mass_kg
    lever = (inertia.mass * inertia.lever + mass_kg * centre) / total
    about_origin = (
        inertia.inertia
        + inertia.mass * _parallel_axis(inertia.lever)
        + mass_kg * _parallel_axis(centre)
        - total * _parallel_axis(lever)
    )
    return pin.Inertia(total, lever, about_origin)


def _parallel_axis(lever: Vector) -> Vector:
    return np.asarray(float(lever @ lever) * np.eye(3) - np.outer(lever, lever))


@dataclass
class ImpulseBook:
    """Running sums of what was exchanged; a book per run.

    Attributes:
        linear, angular: impulse (3,) N s and angular impulse about the world origin (3,) N m s per source.
        exchanged_ns: sum of the magnitudes of linear impulses, the scale of the relative error.
        raw_drift_ns: sum of the magnitudes of what the projection had to correct; raw_drift_sum: its vector sum.
    """

    start_linear: Vector
    start_angular: Vector
    linear: dict[str, Vector] = field(default_factory=lambda: {s: np.zeros(3) for s in SOURCES})
    angular: dict[str, Vector] = field(default_factory=lambda: {s: np.zeros(3) for s in SOURCES})
    raw_drift_sum: Vector = field(default_factory=lambda: np.zeros(3))
    exchanged_ns: float = 0.0
    exchanged_nms: float = 0.0
    raw_drift_ns: float = 0.0
    raw_drift_nms: float = 0.0

    def book(self, source: str, impulse_ns: Vector, moment_nms: Vector) -> None:
        """Book an impulse and its moment about the world origin."""
        self.linear[source] += impulse_ns
        self.angular[source] += moment_nms
        self.exchanged_ns += float(np.linalg.norm(impulse_ns))
        self.exchanged_nms += float(np.linalg.norm(moment_nms))

    def expected(self) -> tuple[Vector, Vector]:
        """Momentum that the bookings allow: linear (3,), angular about the world origin (3,)."""
        linear = self.start_linear + sum(self.linear.values())
        angular = self.start_angular + sum(self.angular.values())
        return linear, angular

    def note_drift(self, linear: Vector, angular: Vector) -> None:
        """Keep the size of a residual before it is projected out."""
        self.raw_drift_sum += linear
        self.raw_drift_ns += float(np.linalg.norm(linear))
        self.raw_drift_nms += float(np.linalg.norm(angular))

    def relative_error(self, linear: Vector, angular: Vector) -> float:
        """Worst of linear and angular residual against what was exchanged, 1.

        Angular impulses of a symmetric push cancel to rounding noise, so they are measured against at least the linear
        ones at one metre; before anything was exchanged the residual itself is returned.
        """
        want_linear, want_angular = self.expected()
        scale = self.exchanged_ns or 1.0
        return max(
            float(np.linalg.norm(linear - want_linear)) / scale,
            float(np.linalg.norm(angular - want_angular)) / max(self.exchanged_nms, scale),
        )
