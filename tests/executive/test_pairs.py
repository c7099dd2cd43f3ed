"""Pairs of faults: each pair of a bounded set, the second while the first is answered, ends safe and explained."""

from __future__ import annotations

import itertools

import pytest
from stub_tasks import FAILURE, Play, Scripted
from test_monitors import Robot

from stope.control.goal import Outcome, Progress
from stope.executive.monitors import Monitors, standard_monitors
from stope.executive.operator import Operator

#: What can go wrong in one mission: sensors, power, link, clock, anchors, tools, tasks, and a person meanwhile.
FAULTS = (
    "imu.frozen", "load_cell.frozen", "telemetry.gap", "telemetry.stale", "power.bus_low", "command.refused",
    "clock.jump", "link.gaps", "collector.leak", "anchor.overloaded", "robot.creep", "drill.over_weight",
    "anchors.lost", "task.failed", "task.stuck", "recover.failed", "order.pause", "order.abort", "order.skip",
    "order.estop", "order.silence",
)  # fmt: skip
MONITORED = {each for each in FAULTS if not each.startswith(("anchors.", "task.", "recover.", "order."))}


class Trouble:
    """A mission that things happen to."""

    def __init__(self) -> None:
        self.robot = Robot()
        watched = standard_monitors(28.0, 1e9, frozenset({"drill", "collect"}))
        self.play = Play(monitors=Monitors(watched), operator=Operator(), hold=frozenset({"drill"}))
        self.play.view = self.robot
        self.play.until("drill")
        self.play.tick(30)

    def cause(self, fault: str) -> None:
        play, desk = self.play, self.play.executive.desk
        if fault in MONITORED:
            self.robot.broken = fault
        elif fault == "anchors.lost":
            play.executive.raise_fault(fault)
        elif fault.startswith("order."):
            verb = fault.removeprefix("order.")
            if verb == "silence":  # nobody approves what is left
                desk.operator.ask = frozenset({"collect", "release"})
            else:
                play.order(verb)
        elif fault == "recover.failed":
            play._outcomes["recover"] = FAILURE
            play.executive.raise_fault("anchors.lost")
        elif desk.running is not None:
            made: Scripted = play.made[desk.running.task]
            stuck = Progress("", Outcome.FAILED, "drill.stalled", "no way")
            stuck = stuck if fault == "task.failed" else made.progress
            made.progress = stuck
            if fault == "task.stuck":
                play.hold.add("collect")

    def end(self) -> None:
        """To the end: ever longer steps, so that whatever only time ends does end."""
        play = self.play
        for step in range(400):
            if play.executive.finished:
                return
            play.time_s += 0.0 if step < 40 else 29.95
            play.tick()
        raise AssertionError("the mission hangs")


@pytest.mark.parametrize("first", FAULTS)
def test_every_pair_ends_safe_and_explained(first: str) -> None:
    for second, wait in itertools.product(FAULTS, (1, 12)):
        trouble = Trouble()
        trouble.cause(first)
        trouble.play.tick(wait)
        over = trouble.play.executive.finished
        trouble.cause(second)
        trouble.end()
        play, pair = trouble.play, f"{first} and {second} {0.05 * wait:.2f} s later"
        executive = play.executive
        assert all(activity.ended for activity in executive.activities), pair
        assert all(each.reason for each in executive.activities if each.state != "succeeded"), pair
        assert executive.desk.running is None, pair
        # Safe: unless the whole mission went through, or the anchors are known to be gone, nothing was let go.
        closed = executive.desk.ended is not None or executive.recovery.state != "waiting"
        assert not (closed and play.states["release"] == "succeeded"), pair
        lost = {"anchors.lost", "recover.failed"} & ({first} if over else {first, second})
        if lost and not executive.desk.ended:
            assert executive.recovery.ended, pair
