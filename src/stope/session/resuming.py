"""Going on where a host that died had left off: what was believed comes from the checkpoint, what is so from sensors.

A simulated world dies with its host, so such a run is played again up to the checkpoint (`keeping.Keeper` compares).
A robot goes on by itself: safe, braked, anchored. Here its faults are cleared and its mission taken up, because a
person asked for that (`stope run --resume`); nothing is ever armed again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stope.bridge.serial_robot import SerialRobot
from stope.bridge.service import clear
from stope.control.holewatch import unloaded_m
from stope.control.kinematics import Kinematics
from stope.executive.activity import Activity
from stope.executive.checkpoint import Checkpoint, read_checkpoint
from stope.mission.errors import InputError
from stope.robot.messages import AnchorPhase, Observation, SafetyState
from stope.robot.seam import Robot
from stope.session.request import RunRequest

if TYPE_CHECKING:
    from stope.session.build import Run

HOLDING = (AnchorPhase.ENGAGED, AnchorPhase.SLIPPING)
LATCHED = (SafetyState.FAULT, SafetyState.ESTOP)


def take_up(run: Run, robot: Robot) -> Sequence[Activity]:
    """Clear what the device latched when its host fell silent, believe again, and say where each activity stands.

    Raises:
        InputError: nothing holds the robot, so nobody knows where it is. DeniedError: a fault's cause is still there.
    """
    checkpoint = run.resumed
    assert checkpoint is not None
    if isinstance(robot, SerialRobot) and robot.read().safety in LATCHED:
        clear(robot.driver)
    obs = robot.read()
    holding = np.isin(obs.anchor_phase, HOLDING)
    if not holding.any() and any(each.ended for each in checkpoint.activities):
        raise InputError(
            str(run.request.out), read="a robot that no anchor holds", expected="one that stayed where it was",
            remedy="navigation must say where it is: begin a mission anew",
        )  # fmt: skip
    facts = checkpoint.facts
    position, rotation = np.array(facts.position_m), np.array(facts.rotation).reshape(3, 3)
    run.stack.resume(position, rotation, facts.evidence, holding, obs)
    kinematics = Kinematics(robot.model)
    kinematics.update(obs.joint_position)
    run.stance.hold_here(kinematics.feet_m, holding)
    return restored(checkpoint, obs, run)


def restored(checkpoint: Checkpoint, obs: Observation, run: Run) -> list[Activity]:
    """Activities as they stood; the one that was under way waits to be begun again, with the hole that it has."""
    drill = run.robot.model.drill
    found = []
    for activity in checkpoint.activities:
        if activity.state != "running":
            found.append(activity)
            continue
        done_m = activity.depth_m
        if activity.task == "drill" and drill is not None and "collar_m" in activity.memory:
            # The feed tells how deep the bit stands; a bit that was on its way out had been deeper.
            done_m = max(done_m, unloaded_m(obs, drill) - activity.memory["collar_m"])
        found.append(replace(activity, state="waiting", before_m=done_m))
    return found


def request_of(folder: Path, asked: RunRequest) -> RunRequest:
    """The request of the run in `folder`, to go on with; video, progress and line are those `asked` for now.

    Raises:
        InputError: there is no whole checkpoint, or it is of another mission.
    """
    told = read_checkpoint(folder).request
    if Path(str(told["mission"])).name != Path(asked.mission).name:
        raise InputError("--resume", read=f"a run of '{told['mission']}'", expected=f"one of '{asked.mission}'")
    tuples = {name: tuple(told[name]) for name in ("inject", "orders", "ask", "overrides")}
    given = {key: value for key, value in told.items() if key in {field.name for field in fields(RunRequest)}}
    now = {"out": folder, "video": asked.video, "progress": asked.progress, "resume": True}
    if told["robot"] not in ("sim", "firmware"):
        now["robot"] = asked.robot  # the same robot may answer on another port by now
    return RunRequest(**(given | tuples | now))
