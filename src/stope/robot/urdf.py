"""The little of a URDF that must agree with robot.yaml: links, masses, joints, limits and who hangs on whom.

Not a robot library: Pinocchio and PyBullet read the same file for kinematics. Format: wiki.ros.org/urdf/XML.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from stope.mission.errors import InputError

MAX_BYTES = 4_000_000  #: the miner's has 69 kB


@dataclass(frozen=True, slots=True)
class UrdfJoint:
    """A joint as the URDF states it; limits are NaN where the file gives none."""

    name: str
    kind: str
    parent: str
    child: str
    axis: tuple[float, float, float]
    lower: float
    upper: float
    effort: float
    velocity: float


@dataclass(frozen=True)
class UrdfTree:
    """Links (name to mass, kg) and joints (by name) of one URDF."""

    file: Path
    name: str
    mass_kg: dict[str, float]
    joints: dict[str, UrdfJoint]

    @property
    def root(self) -> str:
        """The link that is no joint's child."""
        children = {joint.child for joint in self.joints.values()}
        return next(link for link in self.mass_kg if link not in children)

    def path_to(self, link: str) -> list[str]:
        """Names of the joints from the root to `link`, root side first."""
        parent_joint = {joint.child: joint for joint in self.joints.values()}
        names: list[str] = []
        while link in parent_joint:
            names.append(parent_joint[link].name)
            link = parent_joint[link].parent
        return names[::-1]


def read_urdf(path: Path) -> UrdfTree:
    """Read links and joints.

    Raises:
        InputError: no such file, not XML, not one tree of links, or a number that is none.
    """
    try:
        robot = ET.fromstring(_bytes(path))
    except OSError as error:
        raise InputError(str(path), read=f"no readable file ({error.strerror})", expected="the robot's URDF") from error
    except ET.ParseError as error:
        line, column = error.position
        raise InputError(
            str(path), read=f"broken XML ({error})", expected="a URDF", line=line, column=column
        ) from error
    if robot.tag != "robot":
        raise InputError(str(path), read=f"<{robot.tag}>", expected="a URDF, which starts with <robot>")
    masses = {link.get("name", ""): _number(path, link, "inertial/mass", "value", 0.0) for link in robot.iter("link")}
    joints = {joint.get("name", ""): _joint(path, joint) for joint in robot.findall("joint")}
    _check_tree(path, masses, joints)
    return UrdfTree(path, robot.get("name", ""), masses, joints)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as handle:
        data = handle.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError(str(path), read=f"more than {MAX_BYTES} bytes", expected="a URDF of at most so many")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:  # entities expand without end; a URDF has none
        raise InputError(str(path), read="a document type", expected="a URDF, which has none", remedy="remove it")
    return data


def _joint(path: Path, element: ET.Element) -> UrdfJoint:
    ends = {side: _attribute(element, side, "link") for side in ("parent", "child")}
    text = _attribute(element, "axis", "xyz") or "1 0 0"
    try:
        x, y, z = (float(part) for part in text.split())
    except ValueError as error:
        raise InputError(
            str(path), read=f"axis {text!r}", expected="three numbers", field=element.get("name", "")
        ) from error
    limit = {name: _number(path, element, "limit", name, math.nan) for name in ("lower", "upper", "effort", "velocity")}
    name, kind = element.get("name", ""), element.get("type", "")
    return UrdfJoint(name, kind, ends["parent"], ends["child"], (x, y, z), **limit)


def _attribute(element: ET.Element, tag: str, attribute: str) -> str:
    child = element.find(tag)
    return "" if child is None else child.get(attribute, "")


def _number(path: Path, element: ET.Element, tag: str, attribute: str, missing: float) -> float:
    text = _attribute(element, tag, attribute)
    if not text:
        return missing
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        where = f"{element.tag} {element.get('name')}: {tag} {attribute}"
        raise InputError(str(path), read=repr(text), expected="a finite number", field=where)
    return value


def _check_tree(path: Path, masses: dict[str, float], joints: dict[str, UrdfJoint]) -> None:
    children = [joint.child for joint in joints.values()]
    for joint in joints.values():
        for link in (joint.parent, joint.child):
            if link not in masses:
                raise InputError(str(path), read=f"link {link!r}", expected="a link of this file", field=joint.name)
    roots = [link for link in masses if link not in children]
    if len(roots) != 1 or len(set(children)) != len(children):
        raise InputError(str(path), read=f"{len(roots)} root links {roots}", expected="one tree of links")
