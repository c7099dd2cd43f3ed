"""Wrench distribution: which limb pays which part of a wrench, and the largest tool wrench that all can still pay.

Each usable foot i pays a force f_i (ground on foot, base frame: the base stands
parallel to the ground, so z is the surface normal) inside an inner polyhedron
of its believed limit surface scaled by the utilisation u_i that the belief allows:

    a t.f/(c T) - b f_z/N <= u   pull and shear of the half-ellipsoid, by two chords (a, b) between its semi-axes
    t.f/(c T) - mu f_z/T <= u    pressed on, friction carries the rest of the shear

for eight shear directions t and c = cos(22.5 deg), so that pure pull is exact and shear is on the safe side. A foot
that only stands has u = 0 and so can only press; a foot in the air pays nothing. A clamp also pays a moment. And the
limb must be able to carry it: |J^T f| stays inside what its joints have left. The split is closed form while it stays
inside the limits, which is almost always; only a split at a limit needs the QP (`control.qp`). The reserve is always a
QP and is asked for at 10 Hz; its dual variables say what bounds it (`control.binding`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from stope.control.binding import Binding, Row, bindings
from stope.control.qp import solve
from stope.robot.messages import Vector
from stope.robot.model import RobotModel

DIRECTIONS = 8
INSCRIBED = float(np.cos(np.pi / DIRECTIONS))
# chords of the unit quarter circle from 0 over 45 to 90 deg: normals at 22.5 and 67.5 deg, cos 22.5 deg away
CHORDS = ((float(np.tan(np.pi / 8)), 1.0), (1.0, float(np.tan(np.pi / 8))))
PER_FOOT = (len(CHORDS) + 1) * DIRECTIONS + 1
LIMB_JOINTS = 3
UNPAID_WEIGHT = 1e4  # an unbalanced newton costs as much as 100 N of detour: paid for only if it cannot be balanced
MOMENT_SCALE_M = 0.5  # one newton metre counts like two newtons
FAR = 1e4  # "no limit", N: finite, because ProxQP takes larger ones for infeasibility
LARGEST_RESERVE_N = 1e3
# Eigen and LAPACK add up in an order that depends on where in memory an array happens to lie, so the last bits of a
# solution differ between processes. Nothing is lost by rounding them off: no force sensor sees a micronewton.
SPLIT_DECIMALS = 6
RESERVE_DECIMALS = 3
RESERVE_SCALE_N = 10.0  # unit of the reserve QP's variables; in newtons its accuracy is lost to conditioning


@dataclass(frozen=True, slots=True)
class Footholds:
    """What the feet can pay now.

    Attributes:
        arms_m: (L, 3) feet in the base frame.
        pull_n, shear_n: (L,) believed median strengths; allowed: (L,) utilisation of them that the belief allows.
        standing: (L,) bool, feet that touch; friction: Coulomb coefficient.
        jacobians: (K, 3, 3) of the limbs that have joints, and effort_nm: (K, 3) what their joints may spend on foot
            forces; None where joints do not bound anything.
    """

    arms_m: Vector
    pull_n: Vector
    shear_n: Vector
    allowed: Vector
    standing: np.ndarray
    friction: float
    jacobians: Vector | None = None
    effort_nm: Vector | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Forces (L, 3) N of the ground on the feet, base frame, and the wrench (6,) that nobody could pay."""

    force_n: Vector
    unpaid: Vector


class WrenchDistribution:
    """Splits wrenches and finds reserves for one robot.

    Attributes:
        reserve_force_n: (L, 3) forces on the feet with which the last `reserve` that had an answer is paid.
    """

    def __init__(self, model: RobotModel) -> None:
        self._limbs = len(model.limbs)
        self._moment_nm = np.array(
            [limb.gripper.moment_capacity_nm if limb.gripper.kind == "clamp" else 0.0 for limb in model.limbs]
        )
        self._clamped = np.flatnonzero(self._moment_nm)
        self._forces = 3 * self._limbs
        self._paid = self._forces + 3 * len(self._clamped)
        self._jointed = [i for i, limb in enumerate(model.limbs) if limb.joints]
        self._rows = self._name_rows()
        self._balanced: tuple[Vector, Vector, tuple[Vector, Vector, Vector]] | None = None
        self._limited: Footholds | None = None
        self._limit_rows: tuple[Vector, Vector, Vector]
        # Nearest to a reserve beyond reach, with forces barely weighed: a linear programme made strictly convex.
        self._reserve_weights = np.append(np.full(self._paid, 1e-3), 1e-2)
        self._reserve_gradient = np.append(np.zeros(self._paid), -1e-2 * LARGEST_RESERVE_N / RESERVE_SCALE_N)
        self._duals, self._bounds = np.zeros(0), np.zeros(0)
        self.reserve_force_n = np.zeros((self._limbs, 3))

    def split(self, feet: Footholds, wrench: Vector, wanted_n: Vector, insist: Vector) -> Split:
        """Forces that balance `wrench` and are as near to `wanted_n` as they can be.

        Args:
            wrench: (6,) external force (N) and moment (N m) on the base, base frame: tools, thrust, weight.
            wanted_n: (L, 3) forces that each foot should have (preload, pull test), insist: (L,) how much that matters.
        """
        wanted = np.zeros(self._paid)
        wanted[: self._forces] = wanted_n.ravel()
        limits, upper, lower = self._limits(feet)
        weight, paying, gain = self._balance(feet, insist)
        # Weighted least squares on the balance alone: right as long as no limit binds.
        x, unpaid, inside = _balanced(wanted, wrench, paying, gain, limits, lower, upper)
        if not inside:
            x, unpaid = self._split_at_limits(weight, wanted, paying, wrench, limits, upper, lower)
        return Split(np.round(x[: self._forces], SPLIT_DECIMALS).reshape(-1, 3), np.round(unpaid, SPLIT_DECIMALS))

    def _balance(self, feet: Footholds, insist: Vector) -> tuple[Vector, Vector, Vector]:
        """Weights (paid,), wrench map (6, paid) and its weighted pseudo-inverse (paid, 6); kept while nothing moves."""
        if self._balanced is None or self._balanced[0] is not feet.arms_m or (self._balanced[1] != insist).any():
            weight = np.concatenate((np.repeat(insist, 3), np.full(self._paid - self._forces, 1e-3)))
            paying = _wrench_map(feet.arms_m, self._paid)
            spread = paying.T / weight[:, None]
            gain = _solved(paying @ spread, spread)
            if not np.isfinite(gain).all():  # too few feet for every wrench
                gain = spread @ np.linalg.pinv(paying @ spread, rcond=1e-9, hermitian=True)
            self._balanced = feet.arms_m, insist.copy(), (weight, paying, gain)
        return self._balanced[2]

    def _split_at_limits(
        self,
        weight: Vector,
        wanted: Vector,
        paying: Vector,
        wrench: Vector,
        limits: Vector,
        upper: Vector,
        lower: Vector,
    ) -> tuple[Vector, Vector]:
        slack = np.diag([1.0, 1.0, 1.0] + [MOMENT_SCALE_M] * 3)
        weights = np.concatenate((weight, np.full(6, UNPAID_WEIGHT)))
        gradient = np.concatenate((-weight * wanted, np.zeros(6)))
        rows = np.block([[limits, np.zeros((len(limits), 6))], [paying, slack]])
        least, most = np.concatenate((lower, -wrench)), np.concatenate((upper, -wrench))
        found = solve(weights, gradient, rows, least, most, equalities=6)
        if found is None:
            return np.zeros(self._paid), wrench.copy()  # no answer is an answer: nothing is paid by feed-forward
        return found.x[: self._paid], -slack @ found.x[self._paid :]

    def reserve(self, feet: Footholds, standing_wrench: Vector, direction: Vector) -> float:
        """Largest s >= 0 such that `standing_wrench + s direction` can be paid; 0 when nothing can be added.

        With `direction` the wrench of one newton on the bit, s is the weight-on-bit bound in newtons.
        """
        n = self._paid
        limits, upper, lower = self._limits(feet)
        rows, least, most = _reserve_programme(limits, lower, upper, feet.arms_m, standing_wrench, direction)
        found = solve(self._reserve_weights, self._reserve_gradient, rows, least, most, equalities=6)
        self._duals = np.zeros(0)
        if found is None:
            return 0.0
        self.reserve_force_n = found.x[: self._forces].reshape(-1, 3) * RESERVE_SCALE_N
        self._duals, self._bounds = found.duals[: len(upper)], np.where(np.isfinite(upper), upper, 0.0)
        return max(0.0, round(float(found.x[n]) * RESERVE_SCALE_N, RESERVE_DECIMALS))

    def explain(self) -> list[Binding]:
        """What bounds the last `reserve`, largest share first; empty when nothing does or there was no answer."""
        return bindings(self._rows, self._duals, self._bounds) if len(self._duals) else []

    def _name_rows(self) -> list[Row]:
        """What each inequality stands for, in the order of `_limits`."""
        rows: list[Row] = []
        for limb in range(self._limbs):
            rows += [Row(limb, "pull-off" if a < b else "shear") for a, b in CHORDS for _ in range(DIRECTIONS)]
            rows += [Row(limb, "shear")] * DIRECTIONS + [Row(limb, "no ground")]
        rows += [Row(limb, "joint torque") for limb in self._jointed for _ in range(LIMB_JOINTS)]
        return rows + [Row(int(limb), "clamp moment") for limb in self._clamped for _ in range(3)]

    def _limits(self, feet: Footholds) -> tuple[Vector, Vector, Vector]:
        """Inequalities lower <= C x <= upper: (rows, paid), (rows,), (rows,); kept while `feet` is the same."""
        if self._limited is feet:
            return self._limit_rows
        rows = len(self._rows)
        c, upper, lower = np.zeros((rows, self._paid)), np.zeros(rows), np.full(rows, -np.inf)
        _surface_rows(c, upper, feet.pull_n, feet.shear_n, feet.allowed, feet.standing, feet.friction)
        first = self._limbs * PER_FOOT
        for k, limb in enumerate(self._jointed):
            row = slice(first + LIMB_JOINTS * k, first + LIMB_JOINTS * (k + 1))
            upper[row] = np.inf
            if feet.jacobians is not None and feet.effort_nm is not None:
                c[row, 3 * limb : 3 * limb + 3] = feet.jacobians[k].T
                upper[row], lower[row] = feet.effort_nm[k], -feet.effort_nm[k]
        first += LIMB_JOINTS * len(self._jointed)
        for k, limb in enumerate(self._clamped.tolist()):
            row, column = slice(first + 3 * k, first + 3 * k + 3), self._forces + 3 * k
            c[row, column : column + 3] = np.eye(3)
            capacity = float(self._moment_nm[limb]) * min(1.0, float(feet.allowed[limb]))
            upper[row], lower[row] = capacity, -capacity
        self._limited, self._limit_rows = feet, (c, upper, lower)
        return self._limit_rows


@njit(cache=True)
def _solved(square: Vector, right: Vector) -> Vector:
    """right square^-1 for a symmetric positive (6, 6) `square`, by Cholesky; NaN where it is nearly singular."""
    n = square.shape[0]
    lower = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            rest = square[i, j]
            for k in range(j):
                rest -= lower[i, k] * lower[j, k]
            if i > j:
                lower[i, j] = rest / lower[j, j]
            elif rest > 1e-6 * square[i, i]:
                lower[i, i] = np.sqrt(rest)
            else:
                return np.full(right.shape, np.nan)
    out = right.copy()
    for row in range(out.shape[0]):
        for i in range(n):
            for k in range(i):
                out[row, i] -= lower[i, k] * out[row, k]
            out[row, i] /= lower[i, i]
        for i in range(n - 1, -1, -1):
            for k in range(i + 1, n):
                out[row, i] -= lower[k, i] * out[row, k]
            out[row, i] /= lower[i, i]
    return out


@njit(cache=True)
def _balanced(
    wanted: Vector, wrench: Vector, paying: Vector, gain: Vector, limits: Vector, lower: Vector, upper: Vector
) -> tuple[Vector, Vector, bool]:
    """Weighted least squares on the balance: what is paid (paid,), what is not (6,), and whether all limits hold."""
    x, unpaid = wanted.copy(), wrench.copy()
    for i in range(6):
        left = wrench[i]
        for k in range(len(x)):
            left += paying[i, k] * wanted[k]
        for k in range(len(x)):
            x[k] -= gain[k, i] * left
    for i in range(6):
        for k in range(len(x)):
            unpaid[i] += paying[i, k] * x[k]
        if not abs(unpaid[i]) <= 1e-6:
            return x, unpaid, False
    for row in range(len(upper)):
        used = 0.0
        for k in range(len(x)):
            used += limits[row, k] * x[k]
        if not lower[row] - 1e-6 <= used <= upper[row] + 1e-6:
            return x, unpaid, False
    return x, unpaid, True


@njit(cache=True)
def _reserve_programme(
    limits: Vector, lower: Vector, upper: Vector, arms_m: Vector, standing: Vector, direction: Vector
) -> tuple[Vector, Vector, Vector]:
    """Rows (limits, the reserve itself, the six of the balance) of the reserve's QP and their bounds, in its units."""
    rows, paid = limits.shape
    matrix = np.zeros((rows + 7, paid + 1))
    least, most = np.zeros(rows + 7), np.zeros(rows + 7)
    matrix[:rows, :paid] = limits * RESERVE_SCALE_N
    least[:rows], most[:rows] = lower, upper
    matrix[rows, paid], most[rows] = 1.0, LARGEST_RESERVE_N / RESERVE_SCALE_N
    matrix[rows + 1 :, :paid] = _wrench_map(arms_m, paid)
    matrix[rows + 1 :, paid] = direction
    least[rows + 1 :] = -standing / RESERVE_SCALE_N
    most[rows + 1 :] = least[rows + 1 :]
    return matrix, least, most


@njit(cache=True)
def _wrench_map(arms_m: Vector, paid: int) -> Vector:
    """(6, paid) wrench about the base of all forces and clamp moments."""
    out = np.zeros((6, paid))
    for i in range(arms_m.shape[0]):
        x, y, z = arms_m[i]
        for j in range(3):
            out[j, 3 * i + j] = 1.0
        out[3, 3 * i + 1], out[3, 3 * i + 2] = -z, y
        out[4, 3 * i], out[4, 3 * i + 2] = z, -x
        out[5, 3 * i], out[5, 3 * i + 1] = -y, x
    for column in range(3 * arms_m.shape[0], paid):
        out[3 + column % 3, column] = 1.0
    return out


@njit(cache=True)
def _surface_rows(
    c: Vector, upper: Vector, pull_n: Vector, shear_n: Vector, allowed: Vector, standing: np.ndarray, friction: float
) -> None:
    """Every foot's limit surface, `PER_FOOT` rows each, in place."""
    for i in range(len(pull_n)):
        row, x = i * PER_FOOT, 3 * i
        pull, shear = max(pull_n[i], 1e-3), max(shear_n[i], 1e-3)
        for k in range(len(CHORDS) + 1):
            along, off = (CHORDS[k][0], CHORDS[k][1] / pull) if k < len(CHORDS) else (1.0, friction / shear)
            for turn in range(DIRECTIONS):
                angle = 2.0 * np.pi * turn / DIRECTIONS
                c[row, x] = along * np.cos(angle) / (shear * INSCRIBED)
                c[row, x + 1] = along * np.sin(angle) / (shear * INSCRIBED)
                c[row, x + 2] = -off
                upper[row] = allowed[i]
                row += 1
        c[row, x + 2] = 1.0
        upper[row] = np.inf if standing[i] else 0.0
