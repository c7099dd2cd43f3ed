"""The robot as a tree of rigid bodies: a forward sweep for every pose and velocity, momentum on demand, and a
backward sweep that turns forces on links into joint efforts and a base wrench.

Compiled, and used twice, as physics is: by the simulator at the true joint angles (PyBullet integrates the motion,
the sweeps only evaluate), and above the seam at the measured ones. A dozen calls into PyBullet or Pinocchio cost ten
times as much; tests hold the sweeps against both.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pinocchio as pin
from numba import njit

from stope.robot.messages import Vector

Indices = npt.NDArray[np.int64]

# Columns of the packed arrays: numba unpacks every array argument anew at each call, so a few wide ones are faster.
_OFFSET, _TURN, _AXIS, SLIDES, PARENT = 0, 3, 12, 15, 16  # of `links`
_MASS, _LEVER, _INERTIA = 0, 1, 4  # of `masses`
_POSITION, _ROTATION, _VELOCITY, _SPIN = 0, 3, 12, 15  # of `bodies`
POINT_BODY, POINT_AT, POINT_TURN = 0, 1, 4  # of `points`


class Tree:
    """Constant geometry, changing masses and the result of the last sweep. Body 0 is the base.

    Attributes:
        point_m, point_rotation, point_velocity_m_s, point_spin_rad_s: (f, 3), (f, 3, 3), (f, 3), (f, 3) world state of
            the points of interest (feet, bit, drums).
        points: the same in rows (f, 18).
        base_rotation: (3, 3) base to world.
    """

    def __init__(self, urdf: Path, joint_names: tuple[str, ...], frame_names: tuple[str, ...]) -> None:
        """Read a URDF through Pinocchio, which merges fixed links into the bodies that carry them."""
        model = pin.buildModelFromUrdf(str(urdf))
        count = model.njoints  # Pinocchio counts the universe, our base, as joint 0
        self._links = np.zeros((count, 17))
        self._masses = np.zeros((count, 13))
        for i in range(count):
            axis, slides = _axis(model, i)
            place, inertia = model.jointPlacements[i], model.inertias[i]
            self._links[i] = (*place.translation, *place.rotation.ravel(), *axis, slides, int(model.parents[i]))
            self._masses[i] = (inertia.mass, *inertia.lever, *inertia.inertia.ravel())
        frames = [model.frames[model.getFrameId(name)] for name in frame_names]
        self._points = np.array(
            [(f.parentJoint, *f.placement.translation, *f.placement.rotation.ravel()) for f in frames]
        ).reshape(len(frames), 13)
        self._body_of_joint = np.array([model.getJointId(name) for name in joint_names])
        self._bodies = np.zeros((count, 18))
        states = np.zeros((len(frames), 18))
        self.points = states  #: (f, 18) all of a point's state in one row, for kernels
        self.point_m, self.point_rotation = states[:, :3], states[:, 3:12].reshape(-1, 3, 3)
        self.point_velocity_m_s, self.point_spin_rad_s = states[:, 12:15], states[:, 15:18]
        self._sums = np.zeros(21)
        self._summed = False
        self.base_rotation = self._bodies[0, 3:12].reshape(3, 3)
        self.total_mass_kg = float(self._masses[:, 0].sum())
        self._frame_of = {f.name: f for f in model.frames}

    def load_mass(self, link: str, change_kg: float, at_m: Vector, gyration_m2: Vector | None = None) -> None:
        """Add a mass (negative: take it away) to `link` at `at_m` in its frame.

        Args:
            gyration_m2: (3,) inertia about its own centre over its mass, along the link's axes; None for a point.
        """
        frame = self._frame_of[link]
        body, at = int(frame.parentJoint), frame.placement.act(at_m)
        row = self._masses[body]
        mass, lever = float(row[0]), row[1:4].copy()
        total = mass + change_kg
        centre = (mass * lever + change_kg * at) / total
        change = mass * _parallel_axis(lever) + change_kg * _parallel_axis(at) - total * _parallel_axis(centre)
        if gyration_m2 is not None:
            turn = frame.placement.rotation
            change = change + change_kg * (turn * gyration_m2) @ turn.T
        row[4:] += change.ravel()
        row[0], row[1:4] = total, centre
        self.total_mass_kg = float(self._masses[:, 0].sum())
        self._summed = False

    def sweep(self, base: Vector, joint_position: Vector, joint_velocity: Vector) -> None:
        """Evaluate everything for `base` (13,): position, quaternion xyzw, velocity, spin; and joints (n,)."""
        sweep(
            base, joint_position, joint_velocity, self._body_of_joint, self._links, self._points,
            self._bodies, self.points,
        )  # fmt: skip
        self._summed = False

    @property
    def packed(self) -> tuple[Indices, Vector, Vector, Vector, Vector]:
        """Bodies of joints, links, points, bodies and states of points: what `sweep` and `generalise` work on."""
        return self._body_of_joint, self._links, self._points, self._bodies, self.points

    @property
    def weighed(self) -> tuple[Vector, Vector]:
        """Masses of bodies and sums over them: what `sum_up` reads and writes."""
        return self._masses, self._sums

    def swept(self, summed: bool = False) -> None:
        """Say that a compiled loop has swept the tree, and whether it has summed it up besides."""
        self._summed = summed

    @property
    def momentum(self) -> Vector:
        """(12,) linear, angular about the world origin, centre of mass, its velocity: valid until the next sweep."""
        return self._sum_up()[:12]

    @property
    def central_inertia(self) -> Vector:
        """(3, 3) of the whole robot about its centre of mass, world axes: valid until the next sweep."""
        return self._sum_up()[12:].reshape(3, 3)

    def _sum_up(self) -> Vector:
        if not self._summed:
            sum_up(self._masses, self._bodies, self._sums)
            self._summed = True
        return self._sums

    def jacobians(self, chains: Indices, rows: Indices, out: Vector) -> None:
        """Point velocity to joint rates of chains of turning joints, at the last sweep, base frame turned to world.

        Args:
            chains: (c, k) joints in the order of `joint_names`; rows: (c,) the point at the end of each.
            out: (c, 3, k) receives the Jacobians.
        """
        _jacobians(self._body_of_joint[chains], rows, self._links, self._bodies, self.points, out)

    def axes(self, chains: Indices) -> Vector:
        """(c, 3, k) axes, in columns, of chains (c, k) of turning joints at the last sweep, world frame."""
        bodies = self._body_of_joint[chains]
        turn = self._bodies[bodies, _ROTATION:_VELOCITY].reshape(*chains.shape, 3, 3)
        return np.swapaxes((turn @ self._links[bodies, _AXIS:SLIDES, None])[..., 0], 1, 2)

    def generalise(self, wrench: Vector, base_wrench: Vector, efforts: Vector, sums: Vector, skip: int) -> Vector:
        """Turn forces and torques (f, 6) at the points of interest into joint efforts and a base wrench.

        Args:
            base_wrench: (6,) force and torque on the base itself, at its origin, world axes.
            efforts: (n,) joint efforts; what the forces amount to is added to them.
            sums: (6,) receives force and moment about the world origin of all points but the first `skip`.

        Returns:
            The base wrench (6,) to apply in place of all forces.
        """
        base = np.empty(6)
        generalise(wrench, base_wrench, self._body_of_joint, self._links, self._points, self._bodies, self.points,
                    efforts, base, sums, skip)  # fmt: skip
        return base


def _axis(model: pin.Model, joint: int) -> tuple[Vector, int]:
    """Axis in the joint frame and whether the joint slides, from its motion subspace (linear, angular)."""
    if joint == 0:
        return np.zeros(3), 0
    data = model.joints[joint].createData()
    model.joints[joint].calc(data, pin.neutral(model))
    subspace = np.asarray(data.S).ravel()
    slides = bool(np.any(subspace[:3] != 0.0))
    return subspace[:3] if slides else subspace[3:], int(slides)


def _parallel_axis(lever: Vector) -> Vector:
    return np.asarray(float(lever @ lever) * np.eye(3) - np.outer(lever, lever))


@njit(cache=True)
def cross(a: Vector, b: Vector, out: Vector) -> None:
    """Cross product (3,) into `out`, which may be one of the factors."""
    x = a[1] * b[2] - a[2] * b[1]
    y = a[2] * b[0] - a[0] * b[2]
    z = a[0] * b[1] - a[1] * b[0]
    out[0] = x
    out[1] = y
    out[2] = z


@njit(cache=True)
def rotate(matrix: Vector, v: Vector, out: Vector) -> None:
    """Matrix (3, 3) times vector (3,) into `out`."""
    for i in range(3):
        out[i] = matrix[i, 0] * v[0] + matrix[i, 1] * v[1] + matrix[i, 2] * v[2]


@njit(cache=True)
def multiply(a: Vector, b: Vector, out: Vector) -> None:
    """Matrix product (3, 3) into `out`."""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@njit(cache=True)
def sweep(
    base: Vector, q: Vector, dq: Vector, body_of_joint: Indices, links: Vector, points: Vector, bodies: Vector,
    states: Vector,
) -> None:  # fmt: skip
    """`Tree.sweep`, compiled, for loops that hold `Tree.packed`."""
    count = links.shape[0]
    angle = np.zeros((count, 2))
    for k in range(body_of_joint.shape[0]):
        angle[body_of_joint[k], 0] = q[k]
        angle[body_of_joint[k], 1] = dq[k]
    x, y, z, w = base[3], base[4], base[5], base[6]
    bodies[0, 3] = 1 - 2 * (y * y + z * z)
    bodies[0, 4] = 2 * (x * y - z * w)
    bodies[0, 5] = 2 * (x * z + y * w)
    bodies[0, 6] = 2 * (x * y + z * w)
    bodies[0, 7] = 1 - 2 * (x * x + z * z)
    bodies[0, 8] = 2 * (y * z - x * w)
    bodies[0, 9] = 2 * (x * z - y * w)
    bodies[0, 10] = 2 * (y * z + x * w)
    bodies[0, 11] = 1 - 2 * (x * x + y * y)
    for j in range(3):
        bodies[0, j] = base[j]
        bodies[0, 12 + j] = base[7 + j]
        bodies[0, 15 + j] = base[10 + j]
    local = np.empty((3, 3))
    frame = np.empty((3, 3))
    arm = np.empty(3)
    way = np.empty(3)
    extra = np.empty(3)
    for i in range(1, count):
        link, body, carrier = links[i], bodies[i], bodies[int(links[i, PARENT])]
        above = carrier[3:12].reshape(3, 3)
        rotate(above, link[0:3], arm)
        multiply(above, link[3:12].reshape(3, 3), frame)
        rotate(frame, link[12:15], way)
        position, rate = angle[i, 0], angle[i, 1]
        turned = body[3:12].reshape(3, 3)
        if link[SLIDES] > 0.0:
            for j in range(3):
                arm[j] += way[j] * position
                for k in range(3):
                    turned[j, k] = frame[j, k]
        else:
            about(link[12:15], position, local)
            multiply(frame, local, turned)
        cross(carrier[15:18], arm, extra)
        for j in range(3):
            body[j] = carrier[j] + arm[j]
            body[12 + j] = carrier[12 + j] + extra[j]
            body[15 + j] = carrier[15 + j]
            if link[SLIDES] > 0.0:
                body[12 + j] += way[j] * rate
            else:
                body[15 + j] += way[j] * rate
    for k in range(points.shape[0]):
        body, state = bodies[int(points[k, POINT_BODY])], states[k]
        turned = body[3:12].reshape(3, 3)
        rotate(turned, points[k, 1:4], arm)
        multiply(turned, points[k, 4:13].reshape(3, 3), state[3:12].reshape(3, 3))
        cross(body[15:18], arm, extra)
        for j in range(3):
            state[j] = body[j] + arm[j]
            state[12 + j] = body[12 + j] + extra[j]
            state[15 + j] = body[15 + j]


@njit(cache=True)
def _jacobians(chains: Indices, rows: Indices, links: Vector, bodies: Vector, states: Vector, out: Vector) -> None:
    way, arm, column = np.empty(3), np.empty(3), np.empty(3)
    for c in range(chains.shape[0]):
        for k in range(chains.shape[1]):
            body = bodies[chains[c, k]]
            rotate(body[3:12].reshape(3, 3), links[chains[c, k], 12:15], way)
            for j in range(3):
                arm[j] = states[rows[c], j] - body[j]
            cross(way, arm, column)
            for j in range(3):
                out[c, j, k] = column[j]


@njit(cache=True)
def about(axis: Vector, angle: float, out: Vector) -> None:
    """Rotation by `angle` about a unit axis (Rodrigues)."""
    a, b, c = axis[0], axis[1], axis[2]
    s, co = np.sin(angle), np.cos(angle)
    v = 1.0 - co
    out[0, 0] = co + a * a * v
    out[0, 1] = a * b * v - c * s
    out[0, 2] = a * c * v + b * s
    out[1, 0] = a * b * v + c * s
    out[1, 1] = co + b * b * v
    out[1, 2] = b * c * v - a * s
    out[2, 0] = a * c * v - b * s
    out[2, 1] = b * c * v + a * s
    out[2, 2] = co + c * c * v


@njit(cache=True)
def sum_up(masses: Vector, bodies: Vector, sums: Vector) -> None:
    """Linear momentum, angular momentum about the world origin, centre of mass and its velocity, central inertia."""
    sums[:] = 0.0
    arm = np.empty(3)
    extra = np.empty(3)
    c = np.empty(3)
    v = np.empty(3)
    product = np.empty((3, 3))
    turned = np.empty((3, 3))
    total = 0.0
    for i in range(masses.shape[0]):
        body, m = bodies[i], masses[i, 0]
        rotation = body[3:12].reshape(3, 3)
        total += m
        rotate(rotation, masses[i, 1:4], arm)
        cross(body[15:18], arm, extra)
        for j in range(3):
            c[j] = body[j] + arm[j]
            v[j] = body[12 + j] + extra[j]
        multiply(rotation, masses[i, 4:13].reshape(3, 3), product)
        for j in range(3):  # product times rotation transposed
            for k in range(3):
                turned[j, k] = (
                    product[j, 0] * rotation[k, 0] + product[j, 1] * rotation[k, 1] + product[j, 2] * rotation[k, 2]
                )
        rotate(turned, body[15:18], arm)
        cross(c, v, extra)
        square = m * (c[0] * c[0] + c[1] * c[1] + c[2] * c[2])
        for j in range(3):
            sums[j] += m * v[j]
            sums[3 + j] += arm[j] + m * extra[j]
            sums[6 + j] += m * c[j]
            sums[12 + 4 * j] += square
            for k in range(3):
                sums[12 + 3 * j + k] += turned[j, k] - m * c[j] * c[k]
    for j in range(3):
        sums[6 + j] /= total
        sums[9 + j] = sums[j] / total
    square = total * (sums[6] ** 2 + sums[7] ** 2 + sums[8] ** 2)
    for j in range(3):
        sums[12 + 4 * j] -= square
        for k in range(3):
            sums[12 + 3 * j + k] += total * sums[6 + j] * sums[6 + k]


@njit(cache=True)
def generalise(
    wrench: Vector, base_wrench: Vector, body_of_joint: Indices, links: Vector, points: Vector, bodies: Vector,
    states: Vector, efforts: Vector, base: Vector, sums: Vector, skip: int,
) -> None:  # fmt: skip
    """`Tree.generalise`, compiled, for loops that hold `Tree.packed`."""
    count = links.shape[0]
    total = np.zeros((count, 6))  # force, and moment about the world origin
    extra = np.empty(3)
    way = np.empty(3)
    for k in range(points.shape[0]):
        i = int(points[k, POINT_BODY])
        cross(states[k, 0:3], wrench[k, 0:3], extra)
        for j in range(3):
            total[i, j] += wrench[k, j]
            total[i, 3 + j] += extra[j] + wrench[k, 3 + j]
            if k >= skip:
                sums[j] += wrench[k, j]
                sums[3 + j] += extra[j] + wrench[k, 3 + j]
    along = np.zeros(count)
    for i in range(count - 1, 0, -1):
        parent = int(links[i, PARENT])
        rotate(bodies[i, 3:12].reshape(3, 3), links[i, 12:15], way)
        cross(bodies[i, 0:3], total[i, 0:3], extra)
        for j in range(3):
            along[i] += way[j] * (total[i, j] if links[i, SLIDES] > 0.0 else total[i, 3 + j] - extra[j])
        for j in range(6):
            total[parent, j] += total[i, j]
    for k in range(body_of_joint.shape[0]):
        efforts[k] += along[body_of_joint[k]]
    cross(bodies[0, 0:3], total[0, 0:3], extra)
    for j in range(3):
        base[j] = total[0, j] + base_wrench[j]
        base[3 + j] = total[0, 3 + j] - extra[j] + base_wrench[3 + j]
