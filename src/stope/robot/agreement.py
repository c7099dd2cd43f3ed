"""Where robot.yaml contradicts itself or its URDF: every name must exist, every limit be the same in both files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stope.robot.urdf import UrdfJoint, UrdfTree

if TYPE_CHECKING:
    from stope.robot.jointlimits import Limits
    from stope.robot.modelfile import RobotFile

#: what a role is mechanically; controllers rely on it
KIND_OF_ROLE = {
    "hip_yaw": "revolute",
    "hip_pitch": "revolute",
    "knee": "revolute",
    "feed": "prismatic",
    "spindle": "continuous",
    "drum": "continuous",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One disagreement: the field of robot.yaml, what it holds, what would have been right."""

    field: tuple[str | int, ...]
    read: str
    expected: str


def disagreements(file: RobotFile, urdf: UrdfTree) -> Iterator[Complaint]:
    """Every disagreement, in the order in which a person should mend them: names first, then what they mean."""
    found = list(_unknown_names(file, urdf))
    yield from found or [*_joint_limits(file, urdf), *_structure(file, urdf), *_levels(file)]


def _unknown_names(file: RobotFile, urdf: UrdfTree) -> Iterator[Complaint]:
    yield from _repeats("joints", [joint.name for joint in file.joints])
    yield from _repeats("limbs", [limb.name for limb in file.limbs])
    yield from _repeats("thrusters", [thruster.name for thruster in file.thrusters])
    for i, joint in enumerate(file.joints):
        if joint.name not in urdf.joints:
            yield Complaint(("joints", i, "name"), joint.name, f"a joint of {urdf.file.name}")
        if joint.role not in file.joint_roles:
            yield Complaint(("joints", i, "role"), joint.role, f"one of joint_roles ({_list(file.joint_roles)})")
    for field, name in _named_links(file):
        if name not in urdf.mass_kg:
            yield Complaint(field, name, f"a link of {urdf.file.name}")
    known = [joint.name for joint in file.joints]
    for field, name in _named_joints(file):
        if name not in known:
            yield Complaint(field, name, "the name of an entry of joints")
    for i, limb in enumerate(file.limbs):
        if limb.gripper not in file.grippers:
            yield Complaint(("limbs", i, "gripper"), limb.gripper, f"one of grippers ({_list(file.grippers)})")


def _levels(file: RobotFile) -> Iterator[Complaint]:
    """What holds something has a sensor that says how much."""
    for part, key in (("bin", "bin_fill_share"), ("drums", "drum_fill_share"), ("tank", "propellant_kg")):
        if getattr(file, part) is not None and getattr(file.sensors, key) is None:
            yield Complaint(("sensors", key), "nothing", f"the level sensor of this robot's {part}")


def _named_links(file: RobotFile) -> Iterator[tuple[tuple[str | int, ...], str]]:
    yield ("base_link",), file.base_link
    for i, limb in enumerate(file.limbs):
        yield ("limbs", i, "foot_link"), limb.foot_link
    if file.drill:
        yield ("drill", "bit_link"), file.drill.bit_link
    for i, name in enumerate(file.drums.links if file.drums else ()):
        yield ("drums", "links", i), name
    if file.sampler:
        yield ("sampler", "head_link"), file.sampler.head_link
    if file.bin:
        yield ("bin", "link"), file.bin.link
    if file.tank:
        yield ("tank", "link"), file.tank.link


def _named_joints(file: RobotFile) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for i, limb in enumerate(file.limbs):
        for k, name in enumerate(limb.joints):
            yield ("limbs", i, "joints", k), name
    if file.drill:
        yield ("drill", "feed"), file.drill.feed
        yield ("drill", "spindle"), file.drill.spindle
    for k, name in enumerate(file.drums.joints if file.drums else ()):
        yield ("drums", "joints", k), name


def _repeats(field: str, names: list[str]) -> Iterator[Complaint]:
    for i, name in enumerate(names):
        if name in names[:i]:
            yield Complaint((field, i, "name"), name, f"another name; {field}.{names.index(name)} has it already")


def _joint_limits(file: RobotFile, urdf: UrdfTree) -> Iterator[Complaint]:
    for role, limits in file.joint_roles.items():
        if limits.kind != KIND_OF_ROLE[role]:
            yield Complaint(("joint_roles", role, "kind"), limits.kind, f"{KIND_OF_ROLE[role]} for a {role}")
    for i, joint in enumerate(file.joints):
        limits, body = file.joint_roles[joint.role], urdf.joints[joint.name]
        if body.kind != limits.kind:
            yield Complaint(("joints", i, "role"), limits.kind, f"{body.kind}, as {joint.name} is in {urdf.file.name}")
            continue
        for field, value, stated in _compare(limits, body):
            if value != stated:
                where = f"as {joint.name} has in {urdf.file.name}"
                yield Complaint(("joint_roles", joint.role, field), f"{value:g}", f"{stated:g}, {where}")
        yield from _stance(i, joint.stance_rad, joint.stance_m, limits)
        if not math.isclose(math.hypot(*body.axis), 1.0, abs_tol=1e-9):
            yield Complaint(("joints", i, "name"), f"an axis {body.axis} in {urdf.file.name}", "a unit vector")


def _compare(limits: Limits, body: UrdfJoint) -> Iterator[tuple[str, float, float]]:
    low, high, velocity, effort, _, _ = limits.plain()
    position, rate, force = ("m", "m_s", "n") if limits.kind == "prismatic" else ("rad", "rad_s", "nm")
    if limits.kind != "continuous":
        yield f"position_min_{position}", low, body.lower
        yield f"position_max_{position}", high, body.upper
    yield f"velocity_max_{rate}", velocity, body.velocity
    yield f"effort_max_{force}", effort, body.effort


def _stance(i: int, in_rad: float | None, in_m: float | None, limits: Limits) -> Iterator[Complaint]:
    wrong, right = ("stance_rad", "stance_m") if limits.kind == "prismatic" else ("stance_m", "stance_rad")
    stance = {"stance_rad": in_rad, "stance_m": in_m}
    if stance[wrong] is not None:
        yield Complaint(("joints", i, wrong), f"{stance[wrong]:g}", f"{right}, for a {limits.kind} joint")
    low, high, *_ = limits.plain()
    value = stance[right]
    if value is not None and not low <= value <= high:
        yield Complaint(("joints", i, right), f"{value:g}", f"{low:g} to {high:g}, the joint's limits")


def _structure(file: RobotFile, urdf: UrdfTree) -> Iterator[Complaint]:
    if urdf.root != file.base_link:
        yield Complaint(("base_link",), file.base_link, f"{urdf.root}, the root of {urdf.file.name}")
    named = {joint.name for joint in file.joints}
    for joint in urdf.joints.values():
        if joint.kind != "fixed" and joint.name not in named:
            yield Complaint(("joints",), f"no entry for {joint.name}", f"every moving joint of {urdf.file.name}")
    for i, limb in enumerate(file.limbs):
        way = [name for name in urdf.path_to(limb.foot_link) if name in named]
        if tuple(way) != limb.joints:
            yield Complaint(("limbs", i, "joints"), _list(limb.joints), f"{_list(way)}, the way to {limb.foot_link}")
    if file.drill:
        yield from _drill_structure(file, urdf)
    if file.drums:
        yield from _drum_structure(file, urdf)
    if file.sampler:
        yield from _sampler_structure(file, urdf)


def _drill_structure(file: RobotFile, urdf: UrdfTree) -> Iterator[Complaint]:
    assert file.drill is not None
    roles = {joint.name: joint.role for joint in file.joints}
    for field, name in (("feed", file.drill.feed), ("spindle", file.drill.spindle)):
        if roles[name] != field:
            yield Complaint(("drill", field), f"{name}, whose role is {roles[name]}", f"a joint with the role {field}")
    way = [name for name in urdf.path_to(file.drill.bit_link) if name in roles]
    if way != [file.drill.feed, file.drill.spindle]:
        yield Complaint(("drill", "bit_link"), f"{file.drill.bit_link}, moved by {_list(way)}", "feed, then spindle")
    if file.drill.anchors_required > len(file.limbs):
        yield Complaint(("drill", "anchors_required"), str(file.drill.anchors_required), f"at most {len(file.limbs)}")


def _drum_structure(file: RobotFile, urdf: UrdfTree) -> Iterator[Complaint]:
    assert file.drums is not None
    roles = {joint.name: joint.role for joint in file.joints}
    if len(file.drums.joints) != len(file.drums.links):
        yield Complaint(("drums", "links"), _list(file.drums.links), f"{len(file.drums.joints)} links, one a joint")
    for k, (name, link) in enumerate(zip(file.drums.joints, file.drums.links, strict=False)):
        if roles[name] != "drum":
            yield Complaint(
                ("drums", "joints", k), f"{name}, whose role is {roles[name]}", "a joint with the role drum"
            )
        if urdf.joints[name].child != link:
            yield Complaint(("drums", "links", k), link, f"{urdf.joints[name].child}, which {name} turns")
    if file.drums.anchors_required > len(file.limbs):
        yield Complaint(("drums", "anchors_required"), str(file.drums.anchors_required), f"at most {len(file.limbs)}")


def _sampler_structure(file: RobotFile, urdf: UrdfTree) -> Iterator[Complaint]:
    assert file.sampler is not None
    moving = [joint.name for joint in file.joints]
    way = [name for name in urdf.path_to(file.sampler.head_link) if name in moving]
    if way:
        yield Complaint(
            ("sampler", "head_link"), f"{file.sampler.head_link}, moved by {_list(way)}", "a link fixed to the base"
        )
    jets = [thruster.direction for thruster in file.thrusters if thruster.name == file.sampler.nozzle]
    if not jets:
        names = _list(thruster.name for thruster in file.thrusters)
        yield Complaint(("sampler", "nozzle"), file.sampler.nozzle, f"one of thrusters ({names})")
    elif jets[0][2] <= 0.0:
        yield Complaint(("sampler", "nozzle"), f"a jet that pushes along {jets[0]}", "one that blows at the ground")
    for part in ("bin", "tank"):
        if getattr(file, part) is None:
            yield Complaint(("sampler",), f"a sampler without a {part}", f"a {part}")
    if file.sampler.anchors_required > len(file.limbs):
        read = str(file.sampler.anchors_required)
        yield Complaint(("sampler", "anchors_required"), read, f"at most {len(file.limbs)}")


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
