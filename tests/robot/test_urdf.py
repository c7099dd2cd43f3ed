"""The two URDFs: geometry by Pinocchio, inertias that a body can have, and what PyBullet says when it loads them."""

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pinocchio as pin
import pybullet
import pytest

from stope.mission.errors import InputError
from stope.mission.shipped import find_data
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot
from stope.robot.urdf import MAX_BYTES, read_urdf

ROBOTS = ("miner", "bench_rig")
HIP_RADIUS_M, UPPER_M, LOWER_M = 0.08, 0.30, 0.42


@pytest.fixture(params=ROBOTS)
def robot(request: pytest.FixtureRequest) -> RobotModel:
    return load_robot(find_data("robot", request.param))


@pytest.fixture
def miner() -> RobotModel:
    return load_robot(find_data("robot", "miner"))


class Kinematics:
    """Pinocchio with the base fixed, joints addressed as robot.yaml orders them."""

    def __init__(self, robot: RobotModel) -> None:
        self.robot = robot
        self.model = pin.buildModelFromUrdf(str(robot.urdf))
        self.data = self.model.createData()

    def place(self, joints: np.ndarray) -> None:
        q = pin.neutral(self.model)
        for joint, value in zip(self.robot.joints, joints, strict=True):
            in_model = self.model.joints[self.model.getJointId(joint.name)]
            if joint.kind == "continuous":
                q[in_model.idx_q : in_model.idx_q + 2] = math.cos(value), math.sin(value)
            else:
                q[in_model.idx_q] = value
        pin.framesForwardKinematics(self.model, self.data, q)

    def link(self, name: str) -> pin.SE3:
        return self.data.oMf[self.model.getFrameId(name, pin.FrameType.BODY)]


def test_stance_puts_every_foot_on_the_ground_and_level(robot: RobotModel) -> None:
    kinematics = Kinematics(robot)
    kinematics.place(np.array(robot.stance))
    for limb in robot.limbs:
        foot = kinematics.link(limb.foot_link)
        assert foot.translation[2] == pytest.approx(-robot.stance_height_m, abs=1e-12)
        assert foot.rotation[:, 2] == pytest.approx([0, 0, 1], abs=1e-9)


def test_miner_feet_stand_on_a_symmetric_square(miner: RobotModel) -> None:
    kinematics = Kinematics(miner)
    kinematics.place(np.array(miner.stance))
    reach = 0.48 / math.sqrt(2)
    for limb, (sx, sy) in zip(miner.limbs, [(1, 1), (1, -1), (-1, 1), (-1, -1)], strict=True):
        foot = kinematics.link(limb.foot_link).translation
        assert foot[:2] == pytest.approx([sx * (0.22 + reach), sy * (0.20 + reach)], abs=1e-12)


@pytest.mark.parametrize("height_m", [0.20, 0.26, 0.32, 0.38])
def test_limbs_reach_the_stance_feet_at_every_working_height(miner: RobotModel, height_m: float) -> None:
    out, down = 0.48 - HIP_RADIUS_M, height_m - 0.02
    far = math.hypot(out, down)
    pitch = math.atan2(down, out) - math.acos((UPPER_M**2 + far**2 - LOWER_M**2) / (2 * UPPER_M * far))
    knee = math.pi - math.acos((UPPER_M**2 + LOWER_M**2 - far**2) / (2 * UPPER_M * LOWER_M))
    joints = np.array(miner.stance)
    for limb in miner.limbs:
        joints[list(limb.joints)] = 0.0, pitch, knee
    assert (joints >= miner.position_min).all()
    assert (joints <= miner.position_max).all()
    kinematics = Kinematics(miner)
    kinematics.place(joints)
    for limb in miner.limbs:
        assert kinematics.link(limb.foot_link).translation[2] == pytest.approx(-height_m, abs=1e-12)


def test_bit_is_stowed_under_the_floor_and_feeds_straight_down(miner: RobotModel) -> None:
    assert miner.drill is not None
    kinematics, joints = Kinematics(miner), np.array(miner.stance)
    for feed, tip in ((0.0, -0.12), (0.40, -0.52)):
        joints[miner.drill.feed] = feed
        kinematics.place(joints)
        assert kinematics.link(miner.drill.bit_link).translation == pytest.approx([0, 0, tip], abs=1e-12)


def test_rig_bit_starts_20_mm_above_the_sample() -> None:
    rig = load_robot(find_data("robot", "bench_rig"))
    kinematics = Kinematics(rig)
    kinematics.place(np.array(rig.stance))
    assert rig.drill is not None
    tip = kinematics.link(rig.drill.bit_link).translation
    assert tip == pytest.approx([0, 0, 0.02 - rig.stance_height_m], abs=1e-12)


def test_drums_dig_when_the_body_is_lowered_and_clear_the_ground_when_it_stands(miner: RobotModel) -> None:
    assert miner.drums is not None
    kinematics = Kinematics(miner)
    kinematics.place(np.array(miner.stance))
    for link, x in zip(miner.drums.links, (0.16, -0.16), strict=True):
        axle = kinematics.link(link).translation
        assert axle == pytest.approx([x, 0, -0.15], abs=1e-12)
        assert miner.stance_height_m + axle[2] > miner.drums.radius_m
        assert 0.20 + axle[2] < miner.drums.radius_m


def test_miner_weighs_what_it_should_and_balances_on_its_drill(miner: RobotModel) -> None:
    kinematics = Kinematics(miner)
    kinematics.place(np.array(miner.stance))
    assert sum(read_urdf(miner.urdf).mass_kg.values()) == pytest.approx(48.3)
    data = kinematics.model.createData()
    centre = pin.centerOfMass(kinematics.model, data, pin.neutral(kinematics.model))
    assert abs(centre[0]) < 0.01
    assert abs(centre[1]) < 1e-9


def test_base_frame_is_its_mass_frame(robot: RobotModel) -> None:
    base = _link(robot.urdf, robot.base_link)
    origin = base.find("inertial/origin")
    assert origin is not None
    assert [float(v) for v in origin.get("xyz", "").split()] == [0, 0, 0]
    assert origin.get("rpy") is None


def test_every_inertia_is_one_that_a_body_can_have(robot: RobotModel) -> None:
    for link in ET.parse(robot.urdf).getroot().iter("link"):
        name = link.get("name", "")
        mass, inertia = link.find("inertial/mass"), link.find("inertial/inertia")
        assert mass is not None, name
        assert inertia is not None, name
        assert float(mass.get("value", "nan")) > 0, name
        xx, yy, zz = (float(inertia.get(axis, "nan")) for axis in ("ixx", "iyy", "izz"))
        assert all(float(inertia.get(axis, "nan")) == 0 for axis in ("ixy", "ixz", "iyz")), name
        assert min(xx, yy, zz) > 0, name
        assert xx <= yy + zz, name
        assert yy <= xx + zz, name
        assert zz <= xx + yy, name


def test_only_base_upper_and_lower_links_collide(miner: RobotModel) -> None:
    links = ET.parse(miner.urdf).getroot().iter("link")
    colliding = {link.get("name", "").rpartition("_")[2] for link in links if link.find("collision") is not None}
    assert colliding == {"link", "upper", "lower"}  # base_link, <limb>_upper, <limb>_lower


@pytest.mark.parametrize("name", ROBOTS)
def test_pybullet_loads_it_in_silence_and_agrees_on_joints(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    robot = load_robot(find_data("robot", name))
    client = pybullet.connect(pybullet.DIRECT)
    try:
        capfd.readouterr()
        body = pybullet.loadURDF(str(robot.urdf), physicsClientId=client)
        heard = capfd.readouterr()
        infos = [
            pybullet.getJointInfo(body, j, physicsClientId=client)
            for j in range(pybullet.getNumJoints(body, physicsClientId=client))
        ]
    finally:
        pybullet.disconnect(client)
    assert heard.out + heard.err == ""
    moving = {info[1].decode() for info in infos if info[2] != pybullet.JOINT_FIXED}
    assert moving == {joint.name for joint in robot.joints}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<robot", "broken XML"),
        ("<model/>", "<model>"),
        ('<robot><link name="a"/><link name="b"/></robot>', "2 root links"),
        (
            '<robot><link name="a"/><joint name="j" type="fixed"><parent link="a"/><child link="z"/></joint></robot>',
            "'z'",
        ),
        ('<robot><link name="a"><inertial><mass value="nan"/></inertial></link></robot>', "'nan'"),
    ],
)
def test_a_broken_urdf_is_told_in_one_sentence(tmp_path: Path, text: str, read: str) -> None:
    file = tmp_path / "bad.urdf"
    file.write_text(text)
    with pytest.raises(InputError) as told:
        read_urdf(file)
    assert read in told.value.read


def test_a_missing_urdf_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no readable file"):
        read_urdf(tmp_path / "none.urdf")


def _link(urdf: Path, name: str) -> ET.Element:
    return next(link for link in ET.parse(urdf).getroot().iter("link") if link.get("name") == name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'<!DOCTYPE r [<!ENTITY a "ha">]><robot name="&a;"/>', "a document type"),
        (b"<robot>" + b" " * MAX_BYTES, f"more than {MAX_BYTES} bytes"),
        (b"<a>" * 1_300_000, "broken XML"),
    ],
)
def test_hostile_urdfs(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.urdf").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_urdf(tmp_path / "x.urdf")
