"""A pinhole camera as TinyRenderer sees it: the same matrices, and the way from pixels to points and back.

TinyRenderer samples a pixel at its lower left corner, not its centre (measured: half a pixel is 9 mm of height at 2 m).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pybullet as p

from stope.robot.messages import Vector

Pixels = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]


class Exposure(NamedTuple):
    """What one rendering gives: (h, w, 3) colour 0..1, (h, w) distance along the optical axis in m (inf: nothing)."""

    colour: Pixels
    depth_m: Pixels


@dataclass(frozen=True)
class Lens:
    """A camera in the site frame.

    Attributes:
        eye_m, target_m: (3,) where it is and what it looks at.
        height_deg: vertical field of view.
        size: width and height in pixels.
        near_m, far_m: nothing closer or farther is drawn.
    """

    eye_m: Vector
    target_m: Vector
    height_deg: float
    size: tuple[int, int]
    near_m: float
    far_m: float

    def axes(self) -> tuple[Vector, Vector, Vector]:
        """Right, up and forward unit vectors, site frame."""
        forward = self.target_m - self.eye_m
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        return right, np.cross(right, forward), forward

    def expose(self, client: int, **light: Any) -> Exposure:
        """Draw everything in a PyBullet client; `light` goes to `getCameraImage`."""
        width, height = self.size
        view = p.computeViewMatrix(self.eye_m.tolist(), self.target_m.tolist(), [0.0, 0.0, 1.0])
        projection = p.computeProjectionMatrixFOV(self.height_deg, width / height, self.near_m, self.far_m)
        _, _, rgba, buffer, bodies = p.getCameraImage(
            width, height, view, projection, shadow=0, renderer=p.ER_TINY_RENDERER, physicsClientId=client, **light
        )
        colour = np.asarray(rgba, dtype=np.float32).reshape(height, width, 4)[:, :, :3] / np.float32(255.0)
        depth = np.asarray(buffer, dtype=np.float32).reshape(height, width)
        depth_m = self.far_m * self.near_m / (self.far_m - (self.far_m - self.near_m) * depth)
        depth_m[np.asarray(bodies).reshape(height, width) < 0] = np.inf
        return Exposure(colour, depth_m.astype(np.float32))

    def points(self, rows: Index, columns: Index, depth_m: Pixels) -> Pixels:
        """(3, k) site-frame points that k pixels show, from their depths (k,)."""
        width, height = self.size
        half = math.tan(math.radians(self.height_deg) / 2)
        across = (np.arange(width) / width * 2 - 1) * half * width / height
        upward = (1 - (np.arange(height) + 1) / height * 2) * half
        x, y = across.astype(np.float32)[columns] * depth_m, upward.astype(np.float32)[rows] * depth_m
        right, up, forward = (axis.astype(np.float32) for axis in self.axes())
        eye = self.eye_m.astype(np.float32)
        return np.stack([x * right[i] + y * up[i] + depth_m * forward[i] + eye[i] for i in range(3)])

    def project(self, points_m: npt.NDArray[Any]) -> tuple[Pixels, Pixels, Pixels]:
        """Row and column (whole numbers where a pixel is sampled) and depth in m of points (3, k), each (k,)."""
        width, height = self.size
        scale = np.float32(height / 2 / math.tan(math.radians(self.height_deg) / 2))
        offset = [np.subtract(points_m[i], self.eye_m[i], dtype=np.float32) for i in range(3)]
        right, up, forward = (
            offset[0] * axis[0] + offset[1] * axis[1] + offset[2] * axis[2]
            for axis in (unit.astype(np.float32) for unit in self.axes())
        )
        ahead = np.where(forward > 1e-6, forward, np.float32(np.inf))
        return height / 2 - 1 - scale * up / ahead, width / 2 + scale * right / ahead, forward
