"""Whether a mission fits its robot."""

from __future__ import annotations

import pytest

from stope.mission.errors import InputError
from stope.mission.missionfile import read_mission
from stope.mission.shipped import find_data, shipped
from stope.mission.source import InputErrors
from stope.robot.modelfile import load_robot
from stope.session.build import build
from stope.session.fit import check_fit
from stope.session.request import RunRequest


@pytest.mark.parametrize("name", sorted(shipped("mission")))
def test_every_shipped_mission_fits_its_robot(name: str) -> None:
    mission, tree = read_mission(name)
    check_fit(mission, tree, load_robot(find_data("robot", mission.robot)))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("tasks.descend.hold_down_n=13", "read 13, expected at most 12 N, the thrusters of miner"),
        ("tasks.anchor.min_anchors=5", "read 5, expected at most 4, the anchors of miner"),
        ("tasks.anchor.min_anchors=2", "read 2, expected at least 3, which drill needs on miner"),
        ("tasks.pull_test.load_n=131", "read 131, expected at most 130 N, the rated strength of a gripper of miner"),
        ("tasks.drill.depth_m=0.41", "read 0.41, expected at most 0.4 m, the travel of the feed"),
        ("tasks.drill.weight_on_bit_max_n=151", "read 151, expected at most 150 N, the feed's force"),
        ("tasks.drill.spindle_rad_s=41", "read 41, expected at most 40 rad/s, the spindle's speed"),
        ("tasks.collect.mass_kg=4.1", "read 4.1, expected at most 4 kg, the bin of miner"),
        ("tasks.collect.drum_rad_s=7", "read 7, expected at most 6 rad/s, the drums' speed"),
    ],
)
def test_what_the_miner_cannot_do_is_said_with_its_limit(override: str, words: str) -> None:
    mission, tree = read_mission("bennu_core", (override,))
    with pytest.raises(InputError) as caught:
        check_fit(mission, tree, load_robot(find_data("robot", "miner")))
    assert str(caught.value) == f"--set {override}: {words}"


def test_a_robot_without_the_tool_is_told_with_the_line_of_the_task() -> None:
    mission, tree = read_mission("bennu_core")
    with pytest.raises(InputErrors) as caught:
        check_fit(mission, tree, load_robot(find_data("robot", "bench_rig")))
    error = next(error for error in caught.value.errors if error.field == "tasks.4.task")
    assert error.line is not None
    assert find_data("mission", "bennu_core").read_text().splitlines()[error.line - 1].strip() == "- task: collect"


def test_an_approach_that_could_bounce_away_is_refused() -> None:
    """9.3 cm/s of escape speed at this place on Dimorphos: 3.1 cm/s may touch, and nothing on the robot brakes."""
    with pytest.raises(InputError, match=r"velocity_m_s.*read 0\.04, expected at most 0\.03.* m/s"):
        build(RunRequest("bennu_drill", body="dimorphos", overrides=("approach.velocity_m_s=0.04",)))
