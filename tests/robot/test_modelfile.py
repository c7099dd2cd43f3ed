"""robot.yaml: what loads, and the sentence for each way in which it can be wrong."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stope.mission.errors import InputError
from stope.mission.shipped import find_data
from stope.mission.source import InputErrors
from stope.robot.modelfile import load_robot

MINER = find_data("robot", "miner")


@pytest.fixture
def edit(tmp_path: Path):
    """Copy the miner, replace text in its robot.yaml (once) and return the file and the line that was changed."""

    def copy(old: str, new: str) -> tuple[Path, int]:
        folder = tmp_path / "miner"
        shutil.copytree(MINER.parent, folder)
        text = (folder / "robot.yaml").read_text()
        assert old in text
        (folder / "robot.yaml").write_text(text.replace(old, new, 1))
        return folder / "robot.yaml", text[: text.index(old)].count("\n") + 1

    return copy


def test_miner_is_what_the_data_sheet_says() -> None:
    miner = load_robot(MINER)
    assert [joint.role for joint in miner.joints] == [
        *("hip_yaw", "hip_pitch", "knee") * 4,
        "feed",
        "spindle",
        *["drum"] * 2,
    ]
    assert [limb.name for limb in miner.limbs] == ["fl", "fr", "rl", "rr"]
    assert [limb.joints for limb in miner.limbs] == [(0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10, 11)]
    assert miner.drill is not None
    assert (miner.drill.feed, miner.drill.spindle) == (12, 13)
    assert miner.drums is not None
    assert miner.drums.joints == (14, 15)
    assert {limb.gripper.kind for limb in miner.limbs} == {"microspine"}
    assert miner.urdf.is_file()
    assert sum(thruster.max_n for thruster in miner.thrusters) == 12.0


def test_continuous_joints_have_no_position_limits() -> None:
    miner = load_robot(MINER)
    endless = [joint.kind == "continuous" for joint in miner.joints]
    assert (np.isinf(miner.position_min) == endless).all()
    assert (np.isinf(miner.position_max) == endless).all()


def test_rig_has_one_clamp_one_drill_and_nothing_else() -> None:
    rig = load_robot(find_data("robot", "bench_rig"))
    miner = load_robot(MINER)
    (clamp,) = rig.limbs
    assert (clamp.name, clamp.joints, clamp.gripper.kind) == ("clamp", (), "clamp")
    assert rig.drill is not None
    assert miner.drill is not None
    assert rig.drill.anchors_required == 1
    assert replace(rig.drill, feed=12, spindle=13, anchors_required=3) == miner.drill
    assert (rig.drums, rig.bin_link, rig.tank_link, rig.thrusters) == (None, None, None, ())


def test_the_hash_is_of_limits_and_signs(edit) -> None:
    file, _ = edit("name: fl_knee, role: knee, sign: 1", "name: fl_knee, role: knee, sign: -1")
    assert load_robot(MINER).limits_hash == load_robot(MINER).limits_hash
    assert load_robot(file).limits_hash != load_robot(MINER).limits_hash


def test_directions_become_unit_vectors(edit) -> None:
    file, _ = edit("direction: [0, 0, -1]", "direction: [3, 0, -4]")
    direction = load_robot(file).thrusters[0].direction
    assert math.hypot(*direction) == pytest.approx(1.0)
    assert direction == pytest.approx((0.6, 0.0, -0.8))


@pytest.mark.parametrize(
    ("old", "new", "field", "told"),
    [
        # the number itself
        ("effort_max_n: 150", "effort_max_n: .nan", "", "expected a finite number"),
        ("effort_max_n: 150", "effort_max_n: -150", "joint_roles.feed.effort_max_n", "expected more than 0"),
        ("effort_max_n: 150", "effort_max_n: '150 N'", "joint_roles.feed.effort_max_n", "expected a number"),
        ("effort_max_n: 150", "effort_max_nm: 150", "joint_roles.feed.effort_max_nm", "did you mean 'effort_max_n'?"),
        (
            "position_min_rad: 0.2",
            "position_min_rad: 2.9",
            "joint_roles.knee.position_min_rad",
            "less than position_max_rad",
        ),
        ("bit_inner_m: 0.013", "bit_inner_m: 0.033", "drill.bit_inner_m", "less than bit_outer_m"),
        ("direction: [0, 0, -1]", "direction: [0, 0, 0]", "thrusters.0.direction", "without length"),
        ("role: knee, sign: 1", "role: knee, sign: 2", "joints.2.sign", "1 or -1"),
        # against the URDF
        ("name: fl_knee, role", "name: fl_kneee, role", "joints.2.name", "a joint of miner.urdf"),
        (
            "velocity_max_m_s: 0.05",
            "velocity_max_m_s: 0.06",
            "joint_roles.feed.velocity_max_m_s",
            "0.05, as drill_feed has",
        ),
        (
            "position_max_rad: 0.9",
            "position_max_rad: 0.8",
            "joint_roles.hip_yaw.position_max_rad",
            "0.9, as fl_hip_yaw has",
        ),
        ("bit_link: drill_bit", "bit_link: drill_carriage", "drill.bit_link", "feed, then spindle"),
        ("foot_link: rl_foot", "foot_link: rr_foot", "limbs.2.joints", "the way to rr_foot"),
        (
            "links: [drum_fore_link, drum_aft_link]",
            "links: [drum_aft_link, drum_fore_link]",
            "drums.links.0",
            "which drum_fore turns",
        ),
        ("base_link: base_link", "base_link: gas_tank", "base_link", "the root of miner.urdf"),
        ("  - {name: drum_aft, role: drum, sign: 1, stance_rad: 0}\n", "", "drums.joints.1", "an entry of joints"),
        ("urdf: miner.urdf", "urdf: moner.urdf", "", "no readable file"),
        ("urdf: miner.urdf", "urdf: ../miner/miner.urdf", "urdf", "expected"),
        # against itself
        ("name: fr_knee, role", "name: fl_knee, role", "joints.5.name", "joints.2 has it already"),
        (
            "role: spindle, sign: 1, stance_rad",
            "role: spindle, sign: 1, stance_m",
            "joints.13.stance_m",
            "stance_rad, for a continuous",
        ),
        ("stance_m: 0", "stance_m: 0.5", "joints.12.stance_m", "the joint's limits"),
        ("feed: drill_feed", "feed: drill_spindle", "drill.feed", "a joint with the role feed"),
        ("gripper: microspine}", "gripper: magnet}", "limbs.0.gripper", "one of grippers (microspine)"),
        ("anchors_required: 3", "anchors_required: 5", "drill.anchors_required", "at most 4"),
        ("kind: prismatic", "kind: sliding", "joint_roles.feed.kind", "prismatic"),
    ],
)
def test_every_mistake_is_told_with_its_place(edit, old: str, new: str, field: str, told: str) -> None:
    file, line = edit(old, new)
    with pytest.raises(InputError) as error:
        load_robot(file)
    errors = error.value.errors if isinstance(error.value, InputErrors) else (error.value,)
    matching = [e for e in errors if told in str(e) and (not field or e.field == field)]
    assert matching, str(error.value)
    if field and new:
        at_the_edit = [e.line for e in matching]
        assert line in at_the_edit or field in ("limbs.2.joints", "drums.links.0")


def test_a_moving_joint_that_nobody_drives_is_told(edit) -> None:
    file, _ = edit("  - {name: drum_aft, role: drum, sign: 1, stance_rad: 0}\n", "")
    file.write_text(
        file.read_text()
        .replace("joints: [drum_fore, drum_aft]", "joints: [drum_fore]")
        .replace("links: [drum_fore_link, drum_aft_link]", "links: [drum_fore_link]")
    )
    with pytest.raises(InputError, match="read no entry for drum_aft, expected every moving joint"):
        load_robot(file)


def test_seventeen_joints_are_too_many(edit) -> None:
    file, _ = edit("stance_height_m: 0.32", "stance_height_m: 0.32")
    last = "  - {name: drum_aft, role: drum, sign: 1, stance_rad: 0}\n"
    file.write_text(file.read_text().replace(last, last + last.replace("drum_aft", "drum_extra")))
    with pytest.raises(InputError, match="at most 16 entries"):
        load_robot(file)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_robot(tmp_path / "robot.yaml")


def test_the_sampler_blows_down_and_three_nozzles_hold_it() -> None:
    model = load_robot(find_data("robot", "sampler"))
    assert model.sampler is not None
    assert (model.drill, model.drums) == (None, None)
    jet = model.thrusters[model.sampler.jet]
    assert jet.direction == (0.0, 0.0, 1.0)
    assert jet not in model.hold_down_nozzles
    assert sum(nozzle.max_n for nozzle in model.hold_down_nozzles) == 12.0
    assert jet.exhaust_m_s == pytest.approx(588.4, abs=0.1)
    assert replace(model, sampler=replace(model.sampler, plume_share=0.4)).limits_hash != model.limits_hash


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("nozzle: sampler_jet", "nozzle: thruster_x", "read thruster_x, expected one of thrusters (thruster_fl"),
        ("nozzle: sampler_jet", "nozzle: thruster_fl", "expected one that blows at the ground"),
        ("head_link: sampler_head", "head_link: fl_foot", "moved by fl_hip_yaw, fl_hip_pitch, fl_knee"),
        ("head_link: sampler_head", "head_link: hose", "expected a link of sampler.urdf"),
        ("plume_share: 0.5", "plume_share: 1.5", "plume_share"),
        ("anchors_required: 3", "anchors_required: 5", "expected at most 4"),
        ("bin: {link: sample_bin, capacity_kg: 1}", "", "a sampler without a bin"),
    ],
)
def test_a_sampler_that_contradicts_itself_is_told(old: str, new: str, words: str, tmp_path: Path) -> None:
    folder = shutil.copytree(find_data("robot", "sampler").parent, tmp_path / "sampler")
    text = (folder / "robot.yaml").read_text()
    assert old in text
    (folder / "robot.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises((InputError, InputErrors)) as caught:
        load_robot(folder / "robot.yaml")
    assert words in str(caught.value)
