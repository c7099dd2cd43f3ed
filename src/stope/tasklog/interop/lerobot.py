"""A log in the layout of LeRobotDataset v3: Parquet frames at a fixed rate and their description, for robot learning.

A lossy view (32-bit floats, joints and tools alone, no video). A gap in the readings is not filled: the frames after it
are another episode. `action` of a frame is the first command after that reading; the last reading of an episode has
none and is left out. Layout: huggingface.co/docs/lerobot, "LeRobotDataset v3.0".
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stope.tasklog.errors import TaskLogError
from stope.tasklog.header import RunHeader
from stope.tasklog.info import describe
from stope.tasklog.reader import read

OBSERVATIONS, COMMANDS, PROGRESS = "/robot/observation", "/robot/command", "/task/progress"
FILE = "chunk-000/file-000.parquet"
_GAP = 1.5  # periods
#: Feature by field of the observation; a scalar is an array of one.
_FEATURES = {
    "observation.state": "joint_position",
    "observation.velocity": "joint_velocity",
    "observation.effort": "joint_effort",
    "observation.imu_accel": "imu_accel",
    "observation.imu_gyro": "imu_gyro",
    "observation.limb_force": "limb_force",
    "observation.anchor_engagement": "anchor_engagement",
    "observation.weight_on_bit": "weight_on_bit_n",
}
_ACTION = ("joint_position", "joint_velocity", "joint_effort")


@dataclass(slots=True)
class _Frame:
    time_us: int
    values: dict[str, list[float]]
    task: str
    action: list[float] = field(default_factory=list)


def export_lerobot(log: Path, folder: Path) -> list[Path]:
    """Write the dataset into the new folder `folder` and return its files.

    Raises:
        TaskLogError: the log cannot be read or has no pairs of readings and commands, or the folder cannot be written.
    """
    header = describe(log).header
    frames = list(_frames(log, header.mission if header else log.stem))
    shapes = {tuple(map(len, (*frame.values.values(), frame.action))) for frame in frames}
    if len(frames) < 2 or len(shapes) != 1:
        what = f"{len(frames)} readings with a command" if len(frames) < 2 else "arrays whose lengths change"
        raise TaskLogError(f"{log}: read {what} on {OBSERVATIONS}, expected two or more, all of one robot")
    times = np.array([frame.time_us for frame in frames], np.int64)
    period_us = float(np.median(np.diff(times)))
    breaks = np.flatnonzero(np.diff(times) > _GAP * period_us) + 1
    episodes = [frames[a:b] for a, b in zip((0, *breaks), (*breaks, len(frames)), strict=True)]
    draft = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        if folder.exists():
            raise TaskLogError(f"{folder}: exists; nothing is overwritten, choose another name")
        _write(draft, episodes, header, round(1e6 / period_us))
        draft.rename(folder)
    except OSError as error:
        raise TaskLogError(f"{folder}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _frames(log: Path, mission: str) -> Iterator[_Frame]:
    """Readings that a command answered, in order."""
    waiting: list[_Frame] = []  # a command is in the log beside the reading that came after it
    task = mission
    for found in read(log, [OBSERVATIONS, COMMANDS, PROGRESS], allow_truncated=True):
        message = found.message
        if message is None:
            continue
        if found.topic == PROGRESS:
            task = f"{mission}: {message.task}" if message.task else mission
        elif found.topic == OBSERVATIONS:
            waiting.append(_Frame(found.time_us, {name: _list(message, of) for name, of in _FEATURES.items()}, task))
        else:
            while waiting and waiting[0].time_us < found.time_us:
                frame = waiting.pop(0)
                frame.action = [value for name in _ACTION for value in _list(message, name)]
                yield frame


def _list(message: Any, name: str) -> list[float]:
    value = getattr(message, name, ())
    return [float(value)] if isinstance(value, int | float) else [float(item) for item in value]


def _write(folder: Path, episodes: Sequence[Sequence[_Frame]], header: RunHeader | None, fps: int) -> None:
    frames = [frame for episode in episodes for frame in episode]
    tasks = list(dict.fromkeys(frame.task for frame in frames))
    features = {name: np.array([frame.values[name] for frame in frames], np.float32) for name in _FEATURES}
    features = {name: values for name, values in features.items() if values.shape[1]}
    features["action"] = np.array([frame.action for frame in frames], np.float32)
    numbers = {
        "episode_index": np.repeat(np.arange(len(episodes)), [len(episode) for episode in episodes]),
        "frame_index": np.concatenate([np.arange(len(episode)) for episode in episodes]),
        "index": np.arange(len(frames)),
        "task_index": np.array([tasks.index(frame.task) for frame in frames]),
    }
    seconds = np.array([frame.time_us for frame in frames]) * 1e-6
    _parquet(
        folder / "data" / FILE,
        {name: pa.FixedSizeListArray.from_arrays(v.ravel(), v.shape[1]) for name, v in features.items()}
        | {"timestamp": pa.array(numbers["frame_index"] / fps, pa.float32()), "observation.time_s": pa.array(seconds)}
        | {name: pa.array(values, pa.int64()) for name, values in numbers.items()},
    )
    columns = {**features, "timestamp": (numbers["frame_index"] / fps)[:, None], "observation.time_s": seconds[:, None]}
    columns |= {name: values[:, None] for name, values in numbers.items()}
    _parquet(folder / "meta" / "episodes" / FILE, _episode_rows(episodes, columns))
    columns_of = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": of, "metadata": None}
        for name, kind, of in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ]  # LeRobot reads the tasks by pandas and looks them up in its index
    index = {"index_columns": ["task"], "columns": columns_of, "column_indexes": [], "pandas_version": "2.0.0"}
    task_rows = {"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks)}
    _parquet(folder / "meta" / "tasks.parquet", task_rows, {"pandas": json.dumps(index)})
    _json(folder / "meta" / "stats.json", {name: _statistics(values) for name, values in columns.items()})
    _json(folder / "meta" / "info.json", _info(header, fps, len(episodes), len(frames), len(tasks), columns))


def _info(
    header: RunHeader | None, fps: int, episodes: int, frames: int, tasks: int, columns: dict[str, Any]
) -> dict[str, Any]:
    joints = [joint.name for joint in header.joints] if header else []
    names: dict[str, list[str]] = dict.fromkeys(
        ("observation.state", "observation.velocity", "observation.effort"), joints
    )
    names["action"] = [f"{joint}.{kind.removeprefix('joint_')}" for kind in _ACTION for joint in joints]
    kinds = {"timestamp": "float32", "observation.time_s": "float64"}
    return {
        "codebase_version": "v3.0",
        "robot_type": header.robot if header else "unknown",
        "licence": header.licence if header else "",
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 500,
        "fps": fps,
        "splits": {"train": f"0:{episodes}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": None,
        "features": {
            name: {
                "dtype": kinds.get(name, "float32" if name.startswith(("observation", "action")) else "int64"),
                "shape": [values.shape[1]],
                "names": names[name] if len(names.get(name, ())) == values.shape[1] else None,
            }
            for name, values in columns.items()
        },
    }


def _episode_rows(episodes: Sequence[Sequence[_Frame]], columns: dict[str, Any]) -> dict[str, pa.Array]:
    ends = np.cumsum([len(episode) for episode in episodes])
    starts = ends - [len(episode) for episode in episodes]
    zeros = pa.array([0] * len(episodes), pa.int64())
    rows = {
        "episode_index": pa.array(range(len(episodes)), pa.int64()),
        "tasks": pa.array([list(dict.fromkeys(frame.task for frame in episode)) for episode in episodes]),
        "length": pa.array([len(episode) for episode in episodes], pa.int64()),
        "data/chunk_index": zeros,
        "data/file_index": zeros,
        "dataset_from_index": pa.array(starts, pa.int64()),
        "dataset_to_index": pa.array(ends, pa.int64()),
        "meta/episodes/chunk_index": zeros,
        "meta/episodes/file_index": zeros,
    }
    for name, values in columns.items():
        parts = [_statistics(values[a:b]) for a, b in zip(starts, ends, strict=True)]
        rows |= {f"stats/{name}/{key}": pa.array([part[key] for part in parts]) for key in parts[0]}
    return rows


def _statistics(values: Any) -> dict[str, list[Any]]:
    wide = np.asarray(values, np.float64)
    return {
        "min": wide.min(axis=0).tolist(),
        "max": wide.max(axis=0).tolist(),
        "mean": wide.mean(axis=0).tolist(),
        "std": wide.std(axis=0).tolist(),
        "count": [len(wide)],
    }


def _parquet(path: Path, columns: dict[str, pa.Array], metadata: dict[str, str] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path, compression="zstd")


def _json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=4, allow_nan=False), encoding="utf-8")
