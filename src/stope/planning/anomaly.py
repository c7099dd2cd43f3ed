"""Anomaly: something that the plan does not know of came up while an activity ran; planning need not wait for its end.

What runs is frozen: the tool comes home, the robot stows and lets go as it would have. Planning starts from where the
robot is expected to be after that, and what comes of it is taken up there, whole or not at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from stope.planning.problem import RobotState, Step, WorkSite

#: Factors on duration and energy of what is frozen, until its end is known: those that plans are made with.
SLOWER, HUNGRIER = 1.2, 1.25
LEAVING = ("stow", "release")


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One anomaly of one robot.

    Attributes:
        node: where it works. minute: when it was noticed. task: what ran.
        code, reason: what it is, as a fault or reason code and in words.
        until: where the robot is expected to be free again.
    """

    robot: int
    node: int
    minute: float
    task: str
    code: str
    reason: str
    until: RobotState


def task_at(site: WorkSite, task: str) -> int:
    """Place in the visit of the step that does `task`; the cut where no step is called that."""
    names = [step.task for step in site.steps]
    return names.index(task) if task in names else names.index(site.cut_task)


def cut_short(site: WorkSite, task: str) -> tuple[Step, ...]:
    """The steps of a visit that ends its work in `task` and leaves in good order."""
    last = task_at(site, task)
    return (*site.steps[: last + 1], *(step for step in site.steps[last + 1 :] if step.task in LEAVING))


def expected_end(state: RobotState, site: WorkSite, task: str, since: int) -> tuple[float, RobotState]:
    """Minute at which `task` begins in a visit begun at `since`, and the state once the robot has left in good order.

    Args:
        state: at the begin of the visit.
    """
    steps = cut_short(site, task)
    before = task_at(site, task)
    begun = since + sum(step.minutes for step in steps[:before])
    frozen = steps[before:]
    energy = sum(step.energy for step in steps[:before]) + HUNGRIER * sum(step.energy for step in frozen)
    return float(begun), RobotState(
        site.number, math.ceil(begun + SLOWER * sum(step.minutes for step in frozen)), math.floor(state.level - energy),
        state.load_g + site.mass_g, state.wear + site.wear, state.data_mb + site.data_mb, state.parked_since,
    )  # fmt: skip


__all__ = ["Anomaly", "cut_short", "expected_end", "task_at"]
