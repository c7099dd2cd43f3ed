"""The root tree: order, skips, what a failure leads to, and the fault that takes over from everything."""

from __future__ import annotations

import itertools

import pytest
from stub_tasks import FAILURE, REFUSAL, TASKS, Play

from stope.executive.tree import FOUNDATIONS


def test_tasks_run_in_order_one_at_a_time() -> None:
    play = Play()
    play.run()
    assert play.begun == list(TASKS)
    assert set(play.states.values()) == {"succeeded"}
    activities = play.executive.activities
    assert all(a.ended_us <= b.started_us for a, b in itertools.pairwise(activities))
    assert play.executive.recovery.state == "waiting"


@pytest.mark.parametrize("outcome", [FAILURE, REFUSAL])
def test_a_failed_tool_does_not_keep_the_robot_from_the_next_task(outcome: object) -> None:
    play = Play({"drill": outcome})
    play.run()
    assert play.begun == list(TASKS)
    assert play.states["drill"] in ("failed", "refused")
    assert play.states["release"] == "succeeded"


@pytest.mark.parametrize("foundation", FOUNDATIONS)
def test_a_failed_foundation_leads_to_stow_and_release(foundation: str) -> None:
    play = Play({foundation: FAILURE})
    play.run()
    before = TASKS[: TASKS.index(foundation) + 1]
    assert play.begun == [*before, "stow", "release"]
    between = TASKS[len(before) : -2]
    assert {play.states[task] for task in between} <= {"skipped"}
    reasons = {a.reason for a in play.executive.activities if a.task in between}
    assert reasons <= {"a task that it rests on failed"}
    assert play.states["release"] == "succeeded"


def test_skipped_tasks_do_not_stop_the_others() -> None:
    play = Play({"drill": REFUSAL, "collect": REFUSAL}, skips={"anchor": "no anchors", "pull_test": "no anchors"})
    play.run()
    assert play.begun == ["descend", "drill", "collect", "stow", "release"]
    assert play.states["anchor"] == play.states["pull_test"] == "skipped"


def test_a_mission_that_is_skipped_whole_ends_at_once() -> None:
    play = Play(skips=dict.fromkeys(TASKS, "the site slopes by 44 deg"))
    play.tick()
    assert play.executive.finished
    assert play.begun == []


@pytest.mark.parametrize("ending", ["succeeded", "failed"])
def test_a_fault_takes_over_and_the_mission_does_not_come_back(ending: str) -> None:
    play = Play({"recover": FAILURE} if ending == "failed" else {})
    while play.begun[-1:] != ["drill"]:
        play.tick()
    play.executive.raise_fault("anchors.lost")
    play.executive.raise_fault("anchors.lost")
    play.run()
    assert play.begun == ["descend", "anchor", "pull_test", "drill", "recover"]
    assert play.executive.recovery.state == ending
    assert play.states["drill"] == "failed"
    assert play.executive.activities[3].code == "anchors.lost"
    assert {play.states[task] for task in ("collect", "stow", "release")} == {"skipped"}
    begun = len(play.executive.desk.news)
    play.tick(20)  # the loop may tick on: nothing starts again and nothing is told twice
    assert len(play.executive.desk.news) == begun
    assert play.begun[-1] == "recover"


HAPPENINGS = ("none", "pause", "pause and resume", "abort", "skip", "estop", "anchors.lost", "failure", "ask")


@pytest.mark.parametrize("happening", HAPPENINGS)
def test_ticking_the_task_at_work_alone_comes_to_the_same_as_the_whole_tree(happening: str) -> None:
    """Whatever happens at whatever tick: the same changes in the same ticks, the same modes."""
    for tick in range(1, 40, 3):
        told = []
        for whole in (False, True):
            play = Play({"collect": FAILURE} if happening == "failure" else {}, hold=frozenset({"drill"}))
            if happening == "ask":
                play.executive.desk.operator.ask = frozenset({"drill"})
            if whole:
                play.executive._goes_on = lambda: False  # type: ignore[method-assign]
            modes = []
            for count in range(60):
                if count == tick:
                    _happen(play, happening)
                if count == 50:
                    play.hold.clear()
                    play.order("resume" if happening == "pause and resume" else "approve")
                play.tick()
                modes.append(play.executive.desk.operator.mode)
            told.append((play.executive.desk.news, modes, play.begun, play.executive.finished))
        assert told[0] == told[1], tick


def _happen(play: Play, happening: str) -> None:
    if happening in ("abort", "skip", "estop") or happening.startswith("pause"):
        play.order(happening.split()[0])
    elif happening == "anchors.lost":
        play.executive.raise_fault(happening)


def test_the_whole_tree_is_walked_only_when_something_changes() -> None:
    play = Play(hold=frozenset({"drill"}))
    play.until("drill")
    play.tick()
    walks, walk = [], play.executive.root.tick_once
    play.executive.root.tick_once = lambda: walks.append(walk())
    play.tick(100)
    assert walks == []
    play.order("pause")
    play.tick(3)
    assert walks


def test_each_change_is_told_once() -> None:
    play = Play({"drill": FAILURE})
    play.run()
    told = [activity.task for activity in play.executive.desk.news]
    assert told == [task for task in TASKS for _ in range(2)]
