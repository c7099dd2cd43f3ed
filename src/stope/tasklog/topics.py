"""The topic table: which message travels on which topic, and what a reader must know about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table.

    Attributes:
        schema: full protobuf name of the message.
        deterministic: same seed, same machine, same messages; enters the payload digest.
        truth: only a simulator can know it. Nothing above the seam may read it.
        urgent: put on the disk at once and not with the next time-bounded flush.
        units: UCUM codes by dotted field path, for schemas that are not ours and so cannot carry our annotation.
    """

    schema: str
    deterministic: bool = True
    truth: bool = False
    urgent: bool = False
    units: Mapping[str, str] = field(default_factory=dict)


_TRANSLATION = ("x", "y", "z")
_TF_UNITS = {f"transforms.translation.{a}": "m" for a in _TRANSLATION} | {
    f"transforms.rotation.{a}": "1" for a in (*_TRANSLATION, "w")
}
_POSE_UNITS = {f"pose.position.{a}": "m" for a in _TRANSLATION} | {
    f"pose.orientation.{a}": "1" for a in (*_TRANSLATION, "w")
}

#: The common topics of format version 1. Schemas named `foxglove.*` are well known and drawn by viewers.
TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "/robot/observation": Topic("stope.log.v1.RobotObservation"),
        "/robot/command": Topic("stope.log.v1.RobotCommand"),
        "/robot/pose": Topic("foxglove.PoseInFrame", units=_POSE_UNITS),
        "/estimate": Topic("stope.log.v1.BaseEstimate"),
        "/belief/anchors": Topic("stope.log.v1.AnchorBelief"),
        "/task/event": Topic("stope.log.v1.TaskEvent", urgent=True),
        "/task/progress": Topic("stope.log.v1.TaskProgress"),
        "/safety/event": Topic("stope.log.v1.SafetyEvent", urgent=True),
        "/mass/parcel": Topic("stope.log.v1.MassParcel"),
        "/mass/balance": Topic("stope.log.v1.MassBalance"),
        "/impulse/balance": Topic("stope.log.v1.ImpulseBalance"),
        "/sim/truth": Topic("stope.log.v1.SimTruth", truth=True),
        "/tf": Topic("foxglove.FrameTransforms", units=_TF_UNITS),
        "/terrain": Topic("foxglove.PointCloud", units=_POSE_UNITS),
        "/log": Topic("foxglove.Log"),
        "/recorder/stats": Topic("stope.log.v1.RecorderStats", deterministic=False),
        "/audit/checkpoint": Topic("stope.log.v1.Checkpoint", deterministic=False),
    }
)
