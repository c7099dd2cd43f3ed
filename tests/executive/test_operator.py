"""The operator: every order is answered; pause, resume, skip, abort, approve and e-stop do as they say, in run time."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stub_tasks import TASKS, Play

from stope.executive.operator import APPROVAL_S, PAUSE_S, VERBS, Mode, Operator, Order


def at_work(task: str = "drill") -> Play:
    play = Play(hold=frozenset({task}))
    play.until(task)
    play.tick(20)
    return play


def test_a_pause_brings_the_tool_home_and_a_resume_goes_on() -> None:
    play = at_work()
    assert play.order("pause") == "pause accepted during drill"
    play.tick(10)
    assert play.made["drill"].asked[0].code == "operator.pause"
    assert play.executive.desk.running is None
    assert play.executive.desk.operator.mode is Mode.PAUSED
    play.tick(2000)  # 100 s: no time-out of any task is touched
    assert play.states["drill"] == "waiting"
    play.order("resume")
    play.tick()
    assert play.states["drill"] == "running"
    play.hold.clear()
    play.run()
    assert set(play.states.values()) == {"succeeded"}
    assert play.begun.count("drill") == 2
    told = [change.state for change in play.executive.desk.news if change.task == "drill"]
    assert told == ["running", "suspended", "running", "succeeded"]


@pytest.mark.parametrize("task", ["descend", "anchor"])
def test_a_pause_waits_until_the_robot_is_on_the_ground_and_held(task: str) -> None:
    play = at_work(task)
    play.order("pause")
    play.tick(20)
    assert play.states[task] == "running"
    play.hold.clear()
    play.tick(50)
    assert play.states["anchor"] == "succeeded"
    assert play.states["pull_test"] == "waiting"


def test_a_skip_ends_the_running_task_with_its_tool_at_home() -> None:
    play = at_work()
    play.order("skip")
    play.hold.clear()
    play.run()
    assert play.made["drill"].asked[0].code == "operator.skip"
    assert play.states == dict.fromkeys(TASKS, "succeeded") | {"drill": "skipped"}


@pytest.mark.parametrize("task", ["descend", "anchor"])
def test_what_holds_the_robot_down_is_not_skipped(task: str) -> None:
    play = at_work(task)
    assert "holds the robot down" in play.order("skip")
    play.hold.clear()
    play.run()
    assert set(play.states.values()) == {"succeeded"}


def test_an_abort_brings_the_tool_home_and_stays_anchored() -> None:
    play = at_work()
    play.order("abort")
    play.run()
    assert play.made["drill"].asked[0].code == "operator.abort"
    assert play.states == {
        "descend": "succeeded", "anchor": "succeeded", "pull_test": "succeeded", "drill": "interrupted",
        "collect": "skipped", "stow": "succeeded", "release": "skipped",
    }  # fmt: skip
    ended = play.executive.desk.ended
    assert ended is not None
    assert ended.reason == "aborted by test"


def test_stowing_for_an_abort_takes_its_time() -> None:
    """The mission's own leaf for stowing is stopped as the closing branch takes over, and must not take it along."""
    play = at_work()
    play.hold.add("stow")
    play.order("abort")
    play.tick(40)
    assert play.states["stow"] == "running"
    play.hold.clear()
    play.run()
    assert play.states["stow"] == "succeeded"


def test_an_abort_while_letting_go_keeps_the_grips_that_are_left() -> None:
    play = at_work("release")
    play.order("abort")
    play.run()
    assert play.states["release"] == "interrupted"


def test_the_e_stop_ends_everything_at_once() -> None:
    play = at_work()
    play.order("estop")
    play.tick()
    assert play.executive.finished
    assert play.made["drill"].asked == []  # nothing more is commanded
    assert play.states["drill"] == "failed"
    assert play.executive.activities[3].code == "operator.estop"
    assert {play.states[task] for task in ("collect", "stow", "release")} == {"skipped"}
    assert play.executive.desk.operator.mode is Mode.ESTOP


def test_an_approval_is_waited_for() -> None:
    play = Play(operator=Operator(ask=frozenset({"drill", "release"})))
    play.tick(100)
    assert play.begun[-1] == "pull_test"
    assert play.executive.desk.operator.mode is Mode.AWAITING
    play.order("approve")
    play.tick(100)
    assert play.begun[-1] == "stow"
    assert "nothing waits" not in play.order("approve")
    play.run()
    assert set(play.states.values()) == {"succeeded"}
    assert "nothing waits" in play.order("approve")


def test_an_approval_that_nobody_gives_skips_the_task() -> None:
    play = Play(operator=Operator(ask=frozenset({"drill"})))
    while not play.executive.finished and play.time_s < APPROVAL_S + 10.0:
        play.time_s += 0.95
        play.tick()
    drill = play.executive.activities[3]
    assert (drill.state, drill.code) == ("skipped", "operator.silent")
    assert drill.ended_us >= APPROVAL_S * 1e6
    assert play.states["release"] == "succeeded"


def test_a_pause_that_nobody_ends_is_an_abort() -> None:
    play = at_work()
    play.order("pause")
    while not play.executive.finished and play.time_s < PAUSE_S + 30.0:
        play.time_s += 9.95
        play.tick()
    ended = play.executive.desk.ended
    assert ended is not None
    assert "not resumed" in ended.reason
    assert (play.states["stow"], play.states["release"]) == ("succeeded", "skipped")


def test_orders_that_make_no_sense_are_refused_with_a_reason() -> None:
    play = at_work()
    assert play.order("resume") == "it is not paused"
    assert play.order("approve") == "nothing waits for approval"
    assert play.order("launch") == f"'launch' is none of {', '.join(VERBS)}"
    play.order("pause")
    assert play.order("pause") == "it is paused already"
    assert [answer.accepted for answer in play.executive.desk.operator.answers] == [False, False, False, True, False]


def test_a_fault_is_above_the_operator() -> None:
    play = at_work()
    play.order("pause")
    play.executive.raise_fault("anchors.lost")
    play.run()
    assert play.begun[-1] == "recover"
    assert play.executive.recovery.state == "succeeded"
    assert "only the e-stop is heard" in play.order("abort")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 25), st.sampled_from([*VERBS, "anchors.lost", "nonsense"])), max_size=6))
def test_no_row_of_orders_and_faults_hangs_or_leaves_anything_unsaid(orders: list[tuple[int, str]]) -> None:
    play = Play()
    for wait, verb in orders:
        play.tick(wait)
        if verb == "anchors.lost":
            play.executive.raise_fault(verb)
        else:
            play.order(verb)
    for _ in range(1000):
        if play.executive.finished:
            break
        play.time_s += 9.95
        play.tick()
    assert play.executive.finished
    assert all(activity.ended for activity in play.executive.activities)
    unsuccessful = [activity for activity in play.executive.activities if activity.state != "succeeded"]
    assert all(activity.reason for activity in unsuccessful)
    begins = [change.task for change in play.executive.desk.news if change.state in ("running", "retried")]
    ends = [change for change in play.executive.desk.news if change.state not in ("running", "retried")]
    assert all(a <= b for a, b in itertools.pairwise([change.time_us for change in ends]))
    assert play.executive.desk.running is None
    assert len(begins) <= len(ends)


def test_the_answer_keeps_who_and_why() -> None:
    operator = Operator()
    answer = operator.take(Order("pause", 5, "Ada", "dust"), "drill")
    assert (answer.accepted, answer.order.who, answer.order.why) == (True, "Ada", "dust")
