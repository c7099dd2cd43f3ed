"""Pictures: the camera's geometry, the shadow's side, what hides what, and that the same run gives the same picture."""

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pybullet
import pytest
from PIL import Image

from stope.mission.shipped import find_data
from stope.robot.modelfile import load_robot
from stope.sim.caption import Caption
from stope.sim.grain import sun_visibility
from stope.sim.heightmap import HeightMap
from stope.sim.lens import Lens
from stope.sim.render import Film, Frame
from stope.sim.scenery import AMBIENT, Ground, Scenery

MINER = load_robot(find_data("robot", "miner"))
SIZE = (320, 180)
SUN = np.array([0.6, 0.0, 0.8])


def plain(half_m: float = 2.0, n: int = 41, height: float = 0.0, cover_m: float = 0.0) -> Ground:
    axis = np.linspace(-half_m, half_m, n)
    x, y = np.meshgrid(axis, axis)
    i = np.arange(n * n).reshape(n, n)
    a, b, c, d = (part.ravel() for part in (i[:-1, :-1], i[:-1, 1:], i[1:, 1:], i[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return Ground(np.column_stack([x.ravel(), y.ravel(), np.full(n * n, height)]), faces, np.full(n * n, cover_m))


def standing(x: float = 0.0, y: float = 0.0, lifted_m: float = 0.0, **more: object) -> Frame:
    position = np.array([x, y, MINER.stance_height_m + lifted_m])
    return Frame(position, np.array([0.0, 0.0, 0.0, 1.0]), np.array(MINER.stance), **more)


@pytest.fixture(scope="module")
def film() -> Iterator[Film]:
    with Film(MINER, plain(), seed=5) as film:
        yield film


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def picture(film: Film, tmp_path: Path, frame: Frame) -> np.ndarray:
    film.render_png(tmp_path / "still.png", frame, SIZE)
    return pixels(tmp_path / "still.png")


def test_lens_finds_the_plane_that_it_drew() -> None:
    lens = Lens(np.array([2.0, -1.5, 1.2]), np.array([0.1, 0.2, 0.3]), 40.0, SIZE, 0.1, 50.0)
    client = pybullet.connect(pybullet.DIRECT)
    try:
        slab = pybullet.createVisualShape(pybullet.GEOM_BOX, halfExtents=[3, 3, 0.05], physicsClientId=client)
        pybullet.createMultiBody(0, -1, slab, [0, 0, 0.02], physicsClientId=client)
        depth_m = lens.expose(client).depth_m
    finally:
        pybullet.disconnect(client)
    rows, columns = np.nonzero(np.isfinite(depth_m))
    top = lens.points(rows, columns, depth_m[rows, columns])
    inner = (np.abs(top[:2]) < 2.9).all(axis=0)
    assert inner.sum() > 10_000
    assert np.abs(top[2, inner] - 0.07).max() < 0.0005


def test_projecting_undoes_unprojecting() -> None:
    lens = Lens(np.array([2.0, -1.5, 1.2]), np.array([0.1, 0.2, 0.3]), 40.0, SIZE, 0.1, 50.0)
    rows, columns = np.array([0, 17, 179]), np.array([319, 40, 0])
    depth = np.array([1.0, 3.0, 20.0], dtype=np.float32)
    row, column, ahead = lens.project(lens.points(rows, columns, depth))
    assert row == pytest.approx(rows, abs=1e-3)
    assert column == pytest.approx(columns, abs=1e-3)
    assert ahead == pytest.approx(depth, rel=1e-5)


def test_robot_stands_on_the_ground_and_covers_some_of_it(film: Film) -> None:
    scene = film._set_up([standing()], SIZE)
    film._pose(standing())
    depth_m = scene.lens.expose(film._client).depth_m
    rows, columns = np.nonzero(depth_m < scene.ground_depth_m)
    seen = scene.lens.points(rows, columns, depth_m[rows, columns])
    assert 0.02 < len(rows) / depth_m.size < 0.5
    assert -0.01 < seen[2].min() < 0.05
    assert seen[2].max() > 0.9  # the mast


def test_its_shadow_falls_away_from_the_sun(film: Film, tmp_path: Path) -> None:
    scene = film._set_up([standing()], SIZE)
    with_robot, high_above = (
        film._draw(scene, standing()).astype(int),
        film._draw(scene, standing(lifted_m=500.0)).astype(int),
    )
    at = scene.rows, scene.columns
    darker = with_robot[at].sum(axis=1) < 0.5 * high_above[at].sum(axis=1)
    film._pose(standing())
    on_ground = ~(scene.lens.expose(film._client).depth_m < scene.ground_depth_m)[at]
    shadow = scene.points_m[:2, darker & on_ground]
    assert shadow.shape[1] > 200
    assert shadow.mean(axis=1) @ scene.sun[:2] < -0.1


def test_same_frame_same_picture_and_the_seed_matters(film: Film, tmp_path: Path) -> None:
    first = picture(film, tmp_path, standing())
    assert np.array_equal(first, picture(film, tmp_path, standing()))
    with Film(MINER, plain(), seed=6) as other:
        assert not np.array_equal(first, picture(other, tmp_path, standing()))


def test_sky_is_black_with_stars_outside_and_even_in_the_hall(film: Film, tmp_path: Path) -> None:
    sky = film._set_up([standing()], SIZE).empty
    assert np.median(sky) < 0.05
    assert (sky.max(axis=2) > 0.3).sum() > 20
    with Film(MINER, plain(), open_sky=False) as lab:
        assert lab._set_up([standing()], SIZE).empty.max() < 0.3


def test_cover_is_lighter_than_rock() -> None:
    points = np.zeros((3, 500), dtype=np.float32)
    points[:2] = np.random.default_rng(0).uniform(-1, 1, (2, 500))
    near = np.ones(500, dtype=np.float32)
    rock, cover = (Scenery(plain(cover_m=c), SUN, 1).shade(points, near)[1].mean() for c in (0.0, 0.05))
    assert cover > 1.2 * rock


def test_a_slope_toward_the_sun_is_brighter_and_shade_keeps_only_ambient_light() -> None:
    toward, away = plain(), plain()
    toward.vertices_m[:, 2] = -0.3 * toward.vertices_m[:, 0]
    away.vertices_m[:, 2] = 0.3 * away.vertices_m[:, 0]
    points = np.zeros((3, 400), dtype=np.float32)
    points[:2] = np.random.default_rng(0).uniform(-1, 1, (2, 400))
    near = np.ones(400, dtype=np.float32)
    (dark, bright), (_, dim) = (Scenery(ground, SUN, 1).shade(points, near) for ground in (toward, away))
    assert bright.mean() > 1.15 * dim.mean()
    assert dark.max() < 1.5 * AMBIENT
    assert (dark <= bright + 1e-6).all()


def test_drawn_ground_follows_the_map_and_is_whole_beyond_it() -> None:
    ground = plain()
    ground.vertices_m[:, 2] = 0.1 * np.sin(ground.vertices_m[:, 0])
    scenery = Scenery(ground, SUN, 3)
    at = np.random.default_rng(1).uniform(-1.9, 1.9, (200, 2))
    assert scenery.height(at) == pytest.approx(0.1 * np.sin(at[:, 0]), abs=0.0005)
    edge = np.array([[2.0, 0.3], [2.001, 0.3]])
    assert abs(np.diff(scenery.height(edge))[0]) < 0.003
    vertices, faces = scenery.meshes()[1]
    assert np.isfinite(vertices).all()
    assert faces.max() < len(vertices)
    a, b, c = (vertices[faces[:, k], :2] for k in range(3))
    assert (np.cross(np.pad(b - a, ((0, 0), (0, 1))), np.pad(c - a, ((0, 0), (0, 1))))[:, 2] > 0).all()  # all face up


@pytest.mark.parametrize("azimuth_deg", [0, 90, 180, 215])
def test_a_wall_shades_the_ground_behind_it_as_far_as_the_sun_is_low(azimuth_deg: int) -> None:
    azimuth = math.radians(azimuth_deg)
    sun = np.array([math.cos(azimuth), math.sin(azimuth), 1.0]) / math.sqrt(2.0)  # 45 deg: a shadow as long as its wall
    z = np.zeros((61, 61))
    z[28:33, 28:33] = 1.0
    seen = sun_visibility(z, 0.1, sun)
    y, x = np.mgrid[-30:31, -30:31] * 0.1
    toward = x * sun[0] + y * sun[1]
    flat = z == 0
    dark = flat & (seen < 0.5)
    assert dark.sum() > 20
    assert toward[dark].max() < 0
    assert np.hypot(x, y)[dark].max() == pytest.approx(1.2, abs=0.2)


def test_ground_is_the_height_map_as_it_was() -> None:
    heights = HeightMap(0.1, np.zeros((5, 5)), np.full((5, 5), 0.03))
    ground = Ground.of(heights)
    heights.excavate([12], 0.0, 10**12, 1200.0)
    assert ground.vertices_m.shape == (25, 3)
    assert ground.vertices_m[:, 2] == pytest.approx(0.03)
    assert ground.cover_m == pytest.approx(0.03)


def test_ejecta_show_above_the_ground_and_hide_below(film: Film, tmp_path: Path) -> None:
    still = picture(film, tmp_path, standing())
    grains = np.array([[0.5, -0.9, 0.3]]) + np.random.default_rng(0).normal(scale=0.05, size=(50, 3))
    assert np.array_equal(still, picture(film, tmp_path, standing(ejecta_m=grains - [0.0, 0.0, 2.0])))
    assert not np.array_equal(still, picture(film, tmp_path, standing(ejecta_m=grains)))


def test_camera_stays_with_a_robot_that_drifts_off(film: Film) -> None:
    frames = [standing(), standing(0.5, -0.4, 2.0), standing(1.0, 0.3, 4.0)]
    lens = film._set_up(frames, SIZE).lens
    for frame in frames:
        box = film._box(frame)
        corners = np.array(np.meshgrid(*box.T)).reshape(3, -1)
        row, column, _ = lens.project(corners)
        assert row.min() > 0
        assert row.max() < SIZE[1]
        assert column.min() > 0
        assert column.max() < SIZE[0]


def test_camera_is_never_under_a_hill() -> None:
    ground = plain(half_m=4.0)
    ground.vertices_m[:, 2] = 0.5 * np.hypot(ground.vertices_m[:, 0], ground.vertices_m[:, 1])
    with Film(MINER, ground) as film:
        lens = film._set_up([standing()], SIZE).lens
    assert lens.eye_m[2] > 0.5 * math.hypot(*lens.eye_m[:2])


def test_png_has_its_size_and_its_caption(film: Film, tmp_path: Path) -> None:
    bare = picture(film, tmp_path, standing())
    assert bare.shape == (SIZE[1], SIZE[0], 3)
    told = picture(film, tmp_path, standing(caption=Caption("bennu_core", "drill", 12.0)))
    assert np.array_equal(bare[: int(SIZE[1] * 0.9)], told[: int(SIZE[1] * 0.9)])
    assert not np.array_equal(bare[-8:], told[-8:])


def test_caption_shows_a_gap_as_a_gap() -> None:
    entries = dict(Caption("m", "drill", 754.26, depth_m=0.0834, weight_on_bit_n=None, anchor_margin=1.839).entries())
    assert entries == {"m": "drill", "t": "12:34.3", "depth": "83 mm", "weight on bit": "-", "anchor margin": "1.84"}


def test_mp4_has_every_frame_and_they_move(film: Film, tmp_path: Path) -> None:
    frames = [standing(lifted_m=0.2 * k) for k in range(4)]
    film.render_mp4(tmp_path / "run.mp4", frames, fps=10, size=SIZE)
    with av.open(str(tmp_path / "run.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 10
        shown = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert len(shown) == 4
    assert shown[0].shape == (SIZE[1], SIZE[0], 3)
    assert all(np.abs(a - b).mean() > 0.5 for a, b in itertools.pairwise(shown))


@pytest.mark.parametrize(("count", "size"), [(0, (320, 180)), (1, (321, 180)), (1, (320, 181))])
def test_what_cannot_be_a_video_is_refused(film: Film, tmp_path: Path, count: int, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="expected some, with even sides"):
        film.render_mp4(tmp_path / "none.mp4", [standing()] * count, size=size)
    assert not (tmp_path / "none.mp4").exists()


def test_closing_twice_is_harmless() -> None:
    film = Film(MINER, plain())
    film.close()
    film.close()
