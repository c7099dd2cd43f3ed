"""Whether a mission fits a robot: said before anything is built, with the line of the mission file that does not."""

from __future__ import annotations

from collections.abc import Iterator

from stope.mission.missionfile import Anchor, Collect, Descend, DrillTask, Mission, PullTest, Sample
from stope.mission.source import InputErrors
from stope.mission.yamltree import Tree
from stope.robot.model import RobotModel

Problem = tuple[str, str, str]  # field of the task, what was read, what was expected


def check_fit(mission: Mission, tree: Tree, robot: RobotModel) -> None:
    """Compare every task with the robot that is to do it.

    Args:
        tree: the mission's parsed file (`read_mission`), which knows the lines.

    Raises:
        InputError: one task asks for what the robot cannot do.
        InputErrors: several do.
    """
    errors = [
        tree.error(("tasks", index, name), read, expected)
        for index, task in enumerate(mission.tasks)
        for name, read, expected in _problems(task, mission, robot)
    ]
    if errors:
        raise errors[0] if len(errors) == 1 else InputErrors(errors)


def _problems(task: object, mission: Mission, robot: RobotModel) -> Iterator[Problem]:
    if isinstance(task, Descend):
        available = sum(thruster.max_n for thruster in robot.hold_down_nozzles)
        yield from _at_most("hold_down_n", task.hold_down_n, available, "N", f"the thrusters of {robot.name}")
    elif isinstance(task, Anchor):
        yield from _anchors(task, mission, robot)
    elif isinstance(task, PullTest):
        rated = min(limb.gripper.rated_normal_n for limb in robot.limbs)
        asked = task.load_n or 0.0
        yield from _at_most("load_n", asked, rated, "N", f"the rated strength of a gripper of {robot.name}")
    elif isinstance(task, DrillTask):
        if robot.drill is None:
            yield "task", "'drill'", f"a task that {robot.name} has the tool for"
            return
        feed, spindle = robot.joints[robot.drill.feed], robot.joints[robot.drill.spindle]
        travel = feed.position_max - feed.position_min
        yield from _at_most("depth_m", task.depth_m, travel, "m", "the travel of the feed")
        yield from _at_most("weight_on_bit_max_n", task.weight_on_bit_max_n, feed.effort_max, "N", "the feed's force")
        yield from _at_most("spindle_rad_s", task.spindle_rad_s, spindle.velocity_max, "rad/s", "the spindle's speed")
    elif isinstance(task, Collect):
        if robot.drums is None:
            yield "task", "'collect'", f"a task that {robot.name} has the tool for"
            return
        speed = min(robot.joints[index].velocity_max for index in robot.drums.joints)
        yield from _at_most("mass_kg", task.mass_kg, robot.bin_capacity_kg, "kg", f"the bin of {robot.name}")
        yield from _at_most("depth_m", task.depth_m, robot.drums.radius_m, "m", "the radius of a drum")
        yield from _at_most("drum_rad_s", task.drum_rad_s, speed, "rad/s", "the drums' speed")
    elif isinstance(task, Sample):
        if robot.sampler is None:
            yield "task", "'sample'", f"a task that {robot.name} has the tool for"
            return
        jet = robot.thrusters[robot.sampler.jet]
        yield from _at_most("mass_kg", task.mass_kg, robot.bin_capacity_kg, "kg", f"the bin of {robot.name}")
        yield from _at_most("thrust_max_n", task.thrust_max_n, jet.max_n, "N", f"the jet of {robot.name}")


def _anchors(task: Anchor, mission: Mission, robot: RobotModel) -> Iterator[Problem]:
    yield from _at_most("min_anchors", task.min_anchors, len(robot.limbs), "", f"the anchors of {robot.name}")
    kinds = {other.task for other in mission.tasks}
    needs = {
        "drill": robot.drill.anchors_required if robot.drill else 0,
        "collect": robot.drums.anchors_required if robot.drums else 0,
        "sample": robot.sampler.anchors_required if robot.sampler else 0,
    }
    for tool, required in needs.items():
        if tool in kinds and task.min_anchors < required:
            yield "min_anchors", str(task.min_anchors), f"at least {required}, which {tool} needs on {robot.name}"
            return


def _at_most(name: str, value: float, limit: float, unit: str, whose: str) -> Iterator[Problem]:
    if value > limit:
        yield name, f"{value:g}", f"at most {limit:g}{' ' if unit else ''}{unit}, {whose}"
