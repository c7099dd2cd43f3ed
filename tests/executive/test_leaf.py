"""TaskLeaf: one task, once, timed in run time."""

from __future__ import annotations

import pytest
from py_trees.common import Status
from stub_tasks import FAILURE, REFUSAL, SUCCESS, Scripted, Winding, at

from stope.control.goal import Progress
from stope.executive.activity import Activity, Desk
from stope.executive.leaf import WIND_UP_S, TaskLeaf
from stope.executive.task import Task


class Bench:
    """A leaf with its desk; `tick` at a time gives its status."""

    def __init__(self, controller: Scripted, timeout_s: float = 10.0, skip: str = "") -> None:
        self.desk, self.activity = Desk(at(0.0)), Activity(0, "drill", timeout_s)
        self.made = 0
        self._controller = controller
        self.leaf = TaskLeaf(self.activity, Task("drill", timeout_s, self._make), self.desk, skip)

    def _make(self, view: object, activity: Activity) -> Scripted:
        self.made += 1
        return self._controller

    def tick(self, time_s: float) -> Status:
        self.desk.view, self.desk.now_us = at(time_s), round(time_s * 1e6)
        self.leaf.tick_once()
        return Status(self.leaf.status)


@pytest.mark.parametrize(
    ("progress", "state", "status"),
    [
        (SUCCESS, "succeeded", Status.SUCCESS),
        (FAILURE, "failed", Status.FAILURE),
        (REFUSAL, "refused", Status.FAILURE),
    ],
)
def test_an_outcome_is_kept_with_its_reason(progress: Progress, state: str, status: Status) -> None:
    controller = Scripted()
    bench = Bench(controller)
    assert bench.tick(1.0) is Status.RUNNING
    assert bench.desk.controller is controller
    controller.progress = progress
    assert bench.tick(4.0) is status
    activity = bench.activity
    assert (activity.state, activity.code, activity.reason) == (state, progress.code, progress.reason)
    assert (activity.value, activity.unit) == (progress.value, progress.unit)
    assert activity.duration_s == pytest.approx(3.0)
    assert bench.desk.controller is None
    assert [change.state for change in bench.desk.news] == ["running", state]
    assert [change.time_us for change in bench.desk.news] == [1_000_000, 4_000_000]


@pytest.mark.parametrize("progress", [SUCCESS, FAILURE])
def test_a_task_that_has_ended_never_starts_again(progress: Progress) -> None:
    bench = Bench(Scripted(progress))
    first = bench.tick(1.0)
    bench.leaf.stop(Status.INVALID)
    assert bench.tick(2.0) is first
    assert bench.leaf.again().activity is bench.activity
    assert bench.made == 1
    assert bench.activity.ended_us == 1_000_000
    assert len(bench.desk.news) == 2


def test_timeout_counts_run_time() -> None:
    """The clock of the leaf is the view's: a hundred ticks at one instant take no time, one tick can take 11 s."""
    bench = Bench(Scripted(Progress("feeling", depth_m=0.02)))
    for _ in range(100):
        assert bench.tick(1.0) is Status.RUNNING
    assert bench.tick(10.9) is Status.RUNNING
    assert bench.tick(11.1) is Status.FAILURE
    activity = bench.activity
    assert (activity.code, activity.unit, activity.depth_m) == ("task.timeout", "s", 0.02)
    assert activity.value == pytest.approx(10.1)
    assert activity.reason == "not done after 10 s; it was at: feeling"


def test_out_of_time_a_tool_in_the_ground_comes_home_first() -> None:
    controller = Winding()
    bench = Bench(controller)
    bench.tick(0.0)
    assert bench.tick(10.5) is Status.RUNNING
    assert [ending.code for ending in controller.asked] == ["task.timeout"]
    assert bench.tick(20.0) is Status.RUNNING
    controller.progress = controller.asked[0]
    assert bench.tick(25.0) is Status.FAILURE
    assert bench.activity.code == "task.timeout"
    assert len(controller.asked) == 1


def test_a_tool_that_does_not_come_home_is_not_waited_for_for_ever() -> None:
    bench = Bench(Winding())
    bench.tick(0.0)
    assert bench.tick(10.5) is Status.RUNNING
    assert bench.tick(10.0 + WIND_UP_S + 1.0) is Status.FAILURE


def test_a_skipped_task_says_why_and_builds_nothing() -> None:
    bench = Bench(Scripted(), skip="the run was asked for without anchors")
    assert bench.tick(3.0) is Status.SUCCESS
    assert (bench.activity.state, bench.activity.reason) == ("skipped", "the run was asked for without anchors")
    assert (bench.made, bench.activity.duration_s) == (0, 0.0)


@pytest.mark.parametrize(("faults", "code"), [([], "operator"), (["anchors.lost"], "anchors.lost")])
def test_an_interrupted_task_failed_for_what_interrupted_it(faults: list[str], code: str) -> None:
    bench = Bench(Scripted(Progress("drilling", depth_m=0.03)))
    bench.tick(1.0)
    bench.desk.faults += faults
    bench.leaf.stop(Status.INVALID)
    assert (bench.activity.state, bench.activity.code, bench.activity.depth_m) == ("failed", code, 0.03)
    assert bench.desk.controller is None
