"""PLEXIL's conditions on one task: start, skip, pre, invariant, exit, end, post, repeat; ladder, undo, resources."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from py_trees.common import Status
from stub_tasks import FAILURE, REFUSAL, SUCCESS, Scripted, Winding

from stope.control.goal import Outcome, Progress, View
from stope.executive.activity import Activity, Desk, stopped
from stope.executive.condition import Condition
from stope.executive.leaf import NEVER_BEGUN_S, TaskLeaf
from stope.executive.operator import Operator, Order
from stope.executive.task import Rung, Task


def gauge(code: str = "test.gauge") -> Condition:
    """True while the world's gauge reads 1 or more."""
    return Condition(code, "the gauge", lambda view: cast(Any, view).gauge, 1.0)


@dataclass
class Bench:
    """One task with a gauge that conditions read; `run(seconds)` ticks at 20 Hz with fresh readings unless told."""

    task: dict[str, Any]
    controllers: list[Any] = field(default_factory=lambda: [Scripted()])
    operator: Operator = field(default_factory=Operator)
    gauge: float = 1.0
    fresh: bool = True
    now_us: int = 0
    read_us: int = 0

    def __post_init__(self) -> None:
        self.made: list[Any] = []
        self.desk = Desk(self.view(), self.operator)
        self.activity = Activity(0, "drill", 10.0)
        self.leaf = TaskLeaf(self.activity, Task("drill", 10.0, self.make, **self.task), self.desk)

    def make(self, view: View, activity: Activity) -> Any:
        self.made.append(self.controllers[min(len(self.made), len(self.controllers) - 1)])
        return self.made[-1]

    def view(self) -> View:
        return cast(View, SimpleNamespace(obs=SimpleNamespace(time_us=self.read_us), gauge=self.gauge))

    def run(self, seconds: float = 0.05, step_s: float = 0.05) -> Status:
        for _ in range(round(seconds / step_s)):
            self.now_us += round(step_s * 1e6)
            self.read_us = self.now_us if self.fresh else self.read_us
            self.desk.view, self.desk.now_us = self.view(), self.now_us
            self.leaf.tick_once()
        return Status(self.leaf.status)

    @property
    def ending(self) -> tuple[str, str]:
        return self.activity.state, self.activity.code

    @property
    def told(self) -> list[str]:
        return [change.state for change in self.desk.news]


def test_start_is_waited_for() -> None:
    bench = Bench({"start": (gauge(),)}, gauge=0.0)
    assert bench.run(5.0) is Status.RUNNING
    assert bench.made == []
    bench.gauge = 1.0
    bench.run()
    assert len(bench.made) == 1


@pytest.mark.parametrize("value", [0.0, math.nan])
def test_a_start_condition_that_never_holds_fails(value: float) -> None:
    bench = Bench({"start": (gauge(),)}, gauge=value)
    bench.run(NEVER_BEGUN_S, step_s=10.0)
    assert bench.activity.state == "waiting"
    bench.run(20.0, step_s=10.0)
    assert bench.ending == ("failed", "task.not_begun")
    assert bench.made == []


def test_skip_that_holds_skips() -> None:
    bench = Bench({"skip": (gauge("test.not_worth_it"),)})
    assert bench.run() is Status.SUCCESS
    assert bench.ending == ("skipped", "test.not_worth_it")
    unknown = Bench({"skip": (gauge(),)}, gauge=math.nan)
    unknown.run()
    assert unknown.activity.state == "running"  # unknown is no reason to skip


def test_pre_is_checked_once() -> None:
    bench = Bench({"pre": (gauge("test.no_gas"),)}, gauge=0.0)
    assert bench.run() is Status.FAILURE
    assert bench.ending == ("refused", "test.no_gas")
    later = Bench({"pre": (gauge(),)})
    later.run()
    later.gauge = 0.0
    assert later.run(1.0) is Status.RUNNING


def test_pre_that_is_unknown_is_waited_for_and_then_refused() -> None:
    bench = Bench({"pre": (gauge(),)}, gauge=math.nan)
    assert bench.run(0.5) is Status.RUNNING
    bench.run(0.2)
    assert bench.ending == ("refused", "telemetry.unknown")
    soon = Bench({"pre": (gauge(),)}, gauge=math.nan)
    soon.run(0.4)
    soon.gauge = 1.0
    soon.run()
    assert soon.activity.state == "running"


def test_an_invariant_that_breaks_fails_with_its_value() -> None:
    bench = Bench({"invariant": (gauge("test.slipped"),)})
    bench.run(1.0)
    bench.gauge = 0.25
    assert bench.run() is Status.FAILURE
    assert bench.ending == ("failed", "test.slipped")
    assert bench.activity.value == 0.25


@pytest.mark.parametrize("how", ["stale", "no number"])
def test_an_invariant_that_is_unknown_for_long_fails(how: str) -> None:
    bench = Bench({"invariant": (gauge(),)})
    bench.run(1.0)
    since = bench.now_us
    if how == "stale":
        bench.fresh = False
        since += 300_000  # until then the last reading counts
    else:
        bench.gauge = math.nan
    while bench.activity.state == "running":
        bench.run()
    assert bench.ending == ("failed", "telemetry.unknown")
    assert 500_000 < bench.now_us - since <= 600_000


def test_an_invariant_that_is_unknown_for_a_moment_is_put_up_with() -> None:
    bench = Bench({"invariant": (gauge(),)})
    for _ in range(5):
        bench.gauge = math.nan
        bench.run(0.45)
        bench.gauge = 1.0
        assert bench.run() is Status.RUNNING


def test_exit_interrupts_on_purpose_and_the_tool_comes_home() -> None:
    tool = Winding()
    bench = Bench({"exit": (gauge("test.bin_full"),)}, [tool], gauge=0.0)
    bench.run(1.0)
    tool.progress = Progress("digging", depth_m=0.02)
    bench.gauge = 1.0
    assert bench.run(1.0) is Status.RUNNING
    tool.progress = tool.asked[0]
    bench.run()
    assert bench.ending == ("interrupted", "test.bin_full")
    assert bench.activity.depth_m == 0.02


def test_end_is_waited_for_after_the_controller() -> None:
    bench = Bench({"end": (gauge("test.not_at_rest"),)}, [Scripted(SUCCESS)], gauge=0.0)
    assert bench.run(9.0) is Status.RUNNING
    bench.gauge = 1.0
    assert bench.run() is Status.SUCCESS
    late = Bench({"end": (gauge("test.not_at_rest"),)}, [Scripted(SUCCESS)], gauge=0.0)
    late.run(10.2)
    assert late.ending == ("failed", "test.not_at_rest")


@pytest.mark.parametrize(("value", "code"), [(0.0, "test.not_home"), (math.nan, "telemetry.unknown")])
def test_post_decides_whether_it_was_done(value: float, code: str) -> None:
    bench = Bench({"post": (gauge("test.not_home"),)}, [Scripted(SUCCESS)], gauge=value)
    bench.run(1.0)
    assert bench.ending == ("failed", code)
    assert Bench({"post": (gauge(),)}, [Scripted(SUCCESS)]).run() is Status.SUCCESS


def test_repeat_runs_it_again_a_bounded_number_of_times() -> None:
    bench = Bench({"repeat": (gauge(),), "most_repeats": 3}, [Scripted(Progress("", Outcome.SUCCEEDED, depth_m=0.01))])
    bench.run(2.0)
    assert bench.activity.state == "succeeded"
    assert len(bench.made) == 4
    assert bench.activity.depth_m == pytest.approx(0.04)
    assert len(Bench({"repeat": (gauge(),)}, [Scripted(SUCCESS)], gauge=0.0).made) == 0


def test_a_ladder_is_climbed_rung_by_rung_and_ends() -> None:
    codes: list[str] = []

    def rung(name: str, times: int) -> Rung:
        def make(_view: View, _activity: Activity) -> Any:
            codes.append(name)
            return Scripted(FAILURE)

        return Rung(("test.failed",), times, name, make)

    other = Rung(("test.other",), 9, "never", lambda _view, _activity: Scripted(SUCCESS))
    bench = Bench({"ladder": (other, rung("gentler", 2), rung("elsewhere", 1))}, [Scripted(FAILURE)])
    bench.run(2.0)
    assert codes == ["gentler", "gentler", "elsewhere"]
    assert bench.ending == ("failed", "test.failed")
    assert bench.told == ["running", "retried", "retried", "retried", "failed"]
    assert bench.activity.attempt == 4
    assert [(each.code, each.reason, each.lost) for each in bench.desk.replan] == [
        ("test.failed", "drill failed: it broke at 3 N", "")
    ]


def test_each_try_has_its_own_time_and_depths_add_up() -> None:
    second = Scripted()
    rung = Rung(("test.failed",), 1, "again", lambda _view, _activity: second)
    first = Scripted(Progress("", depth_m=0.03))
    bench = Bench({"ladder": (rung,)}, [first])
    bench.run(9.0)
    first.progress = Progress("", Outcome.FAILED, "test.failed", "stuck", depth_m=0.03)
    bench.run(9.0)
    assert bench.activity.state == "running"
    second.progress = Progress("", Outcome.SUCCEEDED, depth_m=0.01)
    assert bench.run() is Status.SUCCESS
    assert bench.activity.depth_m == pytest.approx(0.04)


def test_a_remedy_runs_before_the_next_try() -> None:
    remedy, again = Scripted(), Scripted()
    rung = Rung(("test.failed",), 1, "gripped again", lambda *_: again, first=lambda *_: remedy)
    bench = Bench({"ladder": (rung,)}, [Scripted(FAILURE)])
    bench.run(1.0)
    assert bench.desk.controller is remedy
    remedy.progress = FAILURE  # whatever it came to
    bench.run()
    assert bench.desk.controller is again
    again.progress = SUCCESS
    assert bench.run() is Status.SUCCESS


def test_a_remedy_that_never_ends_is_not_waited_for() -> None:
    rung = Rung(("test.failed",), 1, "gripped again", lambda *_: Scripted(FAILURE), first=lambda *_: Scripted())
    bench = Bench({"ladder": (rung,)}, [Scripted(FAILURE)])
    bench.run(11.0)
    assert bench.activity.state == "failed"


def test_refusals_climb_no_ladder() -> None:
    rung = Rung(("test.refused",), 5, "again", lambda *_: Scripted(SUCCESS))
    bench = Bench({"ladder": (rung,)}, [Scripted(REFUSAL)])
    bench.run()
    assert bench.ending == ("refused", "test.refused")


@pytest.mark.parametrize(("present", "verb", "tries"), [(False, "", 0), (True, "approve", 1), (True, "", 0)])
def test_the_last_rung_asks_the_operator(present: bool, verb: str, tries: int) -> None:
    made: list[int] = []
    rung = Rung(("test.failed",), 1, "the operator decides", lambda *_: made.append(1) or Scripted(SUCCESS), ask=True)
    bench = Bench({"ladder": (rung,)}, [Scripted(FAILURE)], Operator(present=present))
    bench.run(1.0)
    if present:
        assert bench.activity.state == "running"
        assert bench.operator.pending is not None
    if verb:
        bench.operator.take(Order(verb, bench.now_us), "drill")
    bench.run(700.0, step_s=10.0)
    assert len(made) == tries
    assert bench.activity.state == ("succeeded" if tries else "failed")


def test_what_cannot_wind_up_is_undone() -> None:
    undo = Scripted(Progress("opening"))
    bench = Bench({"undo": lambda *_: undo, "invariant": (gauge("test.slipped"),)})
    bench.run(1.0)
    bench.gauge = 0.0
    assert bench.run(2.0) is Status.RUNNING
    assert bench.desk.controller is undo
    undo.progress = SUCCESS
    bench.run()
    assert bench.ending == ("failed", "test.slipped")


def test_a_tool_that_a_fault_took_away_is_refused() -> None:
    bench = Bench({"resources": frozenset({"drill"})})
    bench.desk.lost["drill"] = stopped("load_cell.frozen", "the load cell is stuck")
    assert bench.run() is Status.FAILURE
    assert bench.ending == ("refused", "load_cell.frozen")
    assert bench.made == []


def test_time_stands_still_with_run_time_and_not_with_telemetry() -> None:
    """Ticks without run time take no time; run time without telemetry does."""
    bench = Bench({})
    bench.run(1.0)
    for _ in range(1000):
        bench.leaf.tick_once()
    assert bench.activity.state == "running"
    bench.fresh = False
    bench.run(10.0)
    assert bench.ending == ("failed", "task.timeout")
