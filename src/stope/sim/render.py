"""Film: pictures and video of a run, drawn after it from its log; a world of its own, no physics, no display.

TinyRenderer draws. Its shadows are faint and its sky is white, so both are ours: an exposure from the sun gives the
robot's shadow, `scenery` the light on the ground and the sky. The ground is drawn once, the robot for each frame. The
same frames give the same picture on one machine; colours differ between renderers, so never compare across them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import numpy as np
import numpy.typing as npt
import pybullet as p
from PIL import Image

from stope.robot.messages import Vector
from stope.robot.model import RobotModel
from stope.sim.caption import Caption, stamp
from stope.sim.lens import Index, Lens, Pixels
from stope.sim.scenery import Ground, Scenery

RENDERER: Final = "tiny"  #: belongs into the log beside every picture
CAMERA_AZIMUTH_DEG: Final = -62.0  #: from the robot's forward axis, counter-clockwise from above
CAMERA_ELEVATION_DEG: Final = 11.0
SUN_AZIMUTH_DEG: Final = 36.0  #: from the direction to the camera
SUN_ELEVATION_DEG: Final = 28.0
VIEW_DEG: Final = 34.0
SUN_DISTANCE_M: Final = 40.0  #: far enough for parallel light
SHADOW_VIEW_DEG: Final = 3.8  #: 2.65 m at the robot
SHADOW_BIAS_TEXELS: Final = 4.5  #: how deep a texel reaches on the most slanted panel that still shows its light
IN_SHADOW: Final = 0.44  #: what its own shadow leaves of the robot's colour
ROBOT_LIGHT: Final = {
    "lightColor": [1.0, 0.975, 0.94],
    "lightAmbientCoeff": 0.40,
    "lightDiffuseCoeff": 0.75,
    "lightSpecularCoeff": 0.12,
}
EJECTA: Final = np.array([0.86, 0.79, 0.70], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment to draw, site frame.

    Attributes:
        base_position_m, base_quaternion: (3,), (4,) x y z w.
        joint_position: (n,) in the order of `RobotModel.joints`.
        caption: None draws no line.
        ejecta_m: (k, 3) flying grains, drawn as dots.
    """

    base_position_m: Vector
    base_quaternion: Vector
    joint_position: Vector
    caption: Caption | None = None
    ejecta_m: Vector | None = None


@dataclass(frozen=True)
class _Set:
    """A camera, a sun and the ground as they see it: everything that does not move during a film."""

    lens: Lens
    sun: Vector
    ground_depth_m: Pixels
    rows: Index
    columns: Index
    points_m: Pixels
    shaded: Pixels
    sunlight: Pixels
    empty: Pixels


class Film:
    """Draws frames of one robot on one ground. Use as a context manager, or `close`.

    Args:
        robot: its URDF is drawn.
        ground: the site's triangles; its cover is drawn lighter than its rock.
        seed: of the decoration (grain, hills beyond the map, stars).
        open_sky: stars and horizon; False for the laboratory.
    """

    def __init__(self, robot: RobotModel, ground: Ground, *, seed: int = 0, open_sky: bool = True) -> None:
        self._ground, self._seed, self._open = ground, seed, open_sky
        self._client = p.connect(p.DIRECT)
        self._body = p.loadURDF(str(robot.urdf), useFixedBase=True, physicsClientId=self._client)
        self._links = range(p.getNumJoints(self._body, physicsClientId=self._client))
        index = {p.getJointInfo(self._body, j, physicsClientId=self._client)[1].decode(): j for j in self._links}
        self._joints = [index[joint.name] for joint in robot.joints]

    def render_png(self, path: Path, frame: Frame, size: tuple[int, int] = (1280, 720)) -> None:
        """Write one picture, drawn 4/3 as fine as it is kept."""
        fine = (size[0] * 4 // 3, size[1] * 4 // 3)
        picture = self._draw(self._set_up([frame], fine), frame)
        kept = Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)
        if frame.caption:
            stamp(kept, frame.caption)
        kept.save(path, format="PNG", compress_level=2)

    def render_mp4(
        self, path: Path, frames: Sequence[Frame], fps: int = 10, size: tuple[int, int] = (640, 360)
    ) -> None:
        """Write H.264 video (yuv420p, plays in browsers). The camera stands still, every frame in its view.

        Raises:
            ValueError: no frames, or an odd width or height.
        """
        if not frames or size[0] % 2 or size[1] % 2:
            raise ValueError(f"{len(frames)} frames of {size[0]} x {size[1]}: expected some, with even sides")
        with av.open(str(path), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=fps, options={"crf": "23", "preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for picture in self._pictures(frames, size):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())

    def close(self) -> None:
        """Free the drawing world. Safe to call twice."""
        if self._client >= 0:
            p.disconnect(self._client)
            self._client = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _pictures(self, frames: Sequence[Frame], size: tuple[int, int]) -> Iterator[npt.NDArray[np.uint8]]:
        scene = self._set_up(frames, size)
        for frame in frames:
            picture = Image.fromarray(self._draw(scene, frame))
            if frame.caption:
                stamp(picture, frame.caption)
            yield np.asarray(picture)

    def _pose(self, frame: Frame) -> None:
        position, quaternion = frame.base_position_m.tolist(), frame.base_quaternion.tolist()
        p.resetBasePositionAndOrientation(self._body, position, quaternion, physicsClientId=self._client)
        for joint, value in zip(self._joints, frame.joint_position.tolist(), strict=True):
            p.resetJointState(self._body, joint, value, physicsClientId=self._client)

    def _set_up(self, frames: Sequence[Frame], size: tuple[int, int]) -> _Set:
        forward = np.array(p.getMatrixFromQuaternion(frames[0].base_quaternion.tolist())).reshape(3, 3)[:, 0]
        camera = math.atan2(forward[1], forward[0]) + math.radians(CAMERA_AZIMUTH_DEG)
        sun = _direction(camera + math.radians(SUN_AZIMUTH_DEG), math.radians(SUN_ELEVATION_DEG))
        scenery = Scenery(self._ground, sun, self._seed, open_sky=self._open)
        lens = self._aim(frames, camera, scenery, size)
        depth_m = _expose_ground(scenery, lens)
        rows, columns = np.nonzero(np.isfinite(depth_m))
        points_m = lens.points(rows, columns, depth_m[rows, columns])
        shaded, lit = scenery.shade(points_m, depth_m[rows, columns])
        return _Set(lens, sun, depth_m, rows, columns, points_m, shaded, lit - shaded, scenery.sky(lens))

    def _aim(self, frames: Sequence[Frame], azimuth: float, scenery: Scenery, size: tuple[int, int]) -> Lens:
        """Stand back far enough to see the whole robot at every frame, a little above its middle."""
        corners = np.concatenate([self._box(frame) for frame in _outermost(frames)])
        low, high = corners.min(axis=0), corners.max(axis=0)
        half, across = (high - low) / 2, float(np.linalg.norm((high - low)[:2])) / 2
        rise = math.tan(math.radians(VIEW_DEG / 2))
        distance = 1.15 * max(half[2] / rise, across / (rise * size[0] / size[1])) + 0.6 * across
        target = (low + high) / 2 - (0.0, 0.0, 0.03 * distance)  # the caption takes a strip at the bottom
        eye = target + distance * _direction(azimuth, math.radians(CAMERA_ELEVATION_DEG))
        eye[2] = max(eye[2], float(scenery.height(eye[None, :2])[0]) + 0.4)
        return Lens(eye, target, VIEW_DEG, size, near_m=0.25, far_m=max(120.0, 2 * distance))

    def _box(self, frame: Frame) -> Vector:
        """(2, 3) lowest and highest corner of what is drawn of the robot, its shapes taken as balls."""
        self._pose(frame)
        states = p.getLinkStates(self._body, list(self._links), physicsClientId=self._client)
        poses = {-1: (frame.base_position_m.tolist(), frame.base_quaternion.tolist())}
        poses |= {link: (state[0], state[1]) for link, state in zip(self._links, states, strict=True)}
        spots = []
        for _, link, kind, size, _, at, *_ in p.getVisualShapeData(self._body, physicsClientId=self._client):
            radius = float(max(size)) / 2 if kind == p.GEOM_BOX else float(max(size[0] / 2, size[1], 0.0))
            centre = np.array(p.multiplyTransforms(*poses[link], at, (0, 0, 0, 1))[0])
            spots += [centre - radius, centre + radius]
        return np.array([np.min(spots, axis=0), np.max(spots, axis=0)])

    def _draw(self, scene: _Set, frame: Frame) -> npt.NDArray[np.uint8]:
        self._pose(frame)
        robot = scene.lens.expose(self._client, lightDirection=(SUN_DISTANCE_M * scene.sun).tolist(), **ROBOT_LIGHT)
        middle = frame.base_position_m
        eye = middle + SUN_DISTANCE_M * scene.sun
        texels = min(max(scene.lens.size[1], 400), 900)
        from_sun = Lens(eye, middle, SHADOW_VIEW_DEG, (texels, texels), SUN_DISTANCE_M - 4, SUN_DISTANCE_M + 4)
        shadow = from_sun.expose(self._client).depth_m
        picture = scene.empty.copy()
        reached = _sunlit(scene.points_m, from_sun, shadow)[:, None]
        picture[scene.rows, scene.columns] = scene.shaded + scene.sunlight * reached
        rows, columns = np.nonzero(robot.depth_m < scene.ground_depth_m)
        seen_m = scene.lens.points(rows, columns, robot.depth_m[rows, columns])
        own = _sunlit(seen_m, from_sun, shadow)[:, None]
        picture[rows, columns] = robot.colour[rows, columns] * (IN_SHADOW + (1 - IN_SHADOW) * own)
        if frame.ejecta_m is not None and len(frame.ejecta_m):
            _scatter(picture, np.minimum(robot.depth_m, scene.ground_depth_m), scene.lens, frame.ejecta_m)
        return np.asarray(np.clip(picture, 0.0, 1.0) * 255.0 + 0.5, dtype=np.uint8)


def _outermost(frames: Sequence[Frame]) -> list[Frame]:
    """The frames that span the base's travel: those with the lowest and highest x, y and z."""
    where = np.array([frame.base_position_m for frame in frames])
    chosen = sorted({*where.argmin(axis=0).tolist(), *where.argmax(axis=0).tolist(), 0})
    return [frames[i] for i in chosen]


def _direction(azimuth: float, elevation: float) -> Vector:
    flat = math.cos(elevation)
    return np.array([flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation)])


def _expose_ground(scenery: Scenery, lens: Lens) -> Pixels:
    client = p.connect(p.DIRECT)
    try:
        for vertices, faces in scenery.meshes():
            shape = p.createVisualShape(
                p.GEOM_MESH, vertices=vertices.tolist(), indices=faces.ravel().tolist(), physicsClientId=client
            )
            p.createMultiBody(0, -1, shape, physicsClientId=client)
        return lens.expose(client).depth_m
    finally:
        p.disconnect(client)


def _sunlit(points_m: Pixels, from_sun: Lens, shadow_m: Pixels) -> Pixels:
    """(k,) 1 where the sun sees the point, 0 where the robot is in between; the mean of four taps softens the edge."""
    row, column, depth = from_sun.project(points_m)
    lit = np.zeros(points_m.shape[1], dtype=np.float32)
    width, height = from_sun.size
    bias = np.float32(SHADOW_BIAS_TEXELS * 2 * SUN_DISTANCE_M * math.tan(math.radians(SHADOW_VIEW_DEG / 2)) / height)
    inside = (row > 1) & (row < height - 1) & (column > 1) & (column < width - 1)
    r, c, limit = row[inside], column[inside], depth[inside] - bias
    for dr, dc in ((0, 0), (0, 1), (1, 0), (1, 1)):
        lit[inside] += 0.25 * (shadow_m[(r + dr).astype(np.int64), (c + dc).astype(np.int64)] > limit)
    lit[~inside] = 1.0
    return lit


def _scatter(picture: Pixels, depth_m: Pixels, lens: Lens, grains_m: Vector) -> None:
    """Dots of one to a few pixels, in front of what is behind them."""
    height, width = depth_m.shape
    row, column, ahead = lens.project(grains_m.T)
    on = (ahead > 0) & (row >= 2) & (row < height - 2) & (column >= 2) & (column < width - 2)
    r, c, z = row[on].astype(np.int64), column[on].astype(np.int64), ahead[on]
    for dr, dc in ((0, 0), (0, 1), (1, 0), (1, 1)) if height > 500 else ((0, 0),):
        seen = z < depth_m[r + dr, c + dc]
        picture[r[seen] + dr, c[seen] + dc] = EJECTA
