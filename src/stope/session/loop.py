"""The loop: read -> estimate -> decide -> command -> record -> wait. One way down, one way back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from stope.control.goal import Goal, View
from stope.control.stack import Tick
from stope.control.watch import Alarm
from stope.executive.activity import Activity
from stope.executive.faults.table import load_faults
from stope.executive.monitors import Monitors, standard_monitors
from stope.executive.operator import Operator
from stope.executive.survival import Power, Survival
from stope.executive.tree import Executive
from stope.mission.missionfile import Power as PowerAsked
from stope.robot.messages import CommandRefusedError, Observation, Sent
from stope.session.build import EXECUTIVE_US, Run
from stope.session.devicewatch import DeviceNews, DeviceWatch
from stope.session.resuming import take_up
from stope.sim.injection import INJECTIONS

REHEARSED_TICKS = 60  # past every n-th tick's work
WORKING_WEIGHT_N = 5.0  # a task is at work once the bit carries this, a task other than drill after five seconds
WORKING_AFTER_US = 5_000_000


@dataclass(slots=True)
class Detection:
    """An alarm: when and where it was raised, and what was caused when, if it was injected."""

    alarm: Alarm
    time_us: int
    injected_us: int | None = None
    moved_m: float = 0.0


@dataclass(slots=True)
class LoopResult:
    """What the loop leaves behind for the outcome.

    Attributes:
        worst_margin: smallest anchor margin while anything was anchored; 1 if nothing ever was.
        peak_weight_n: largest measured weight on bit.
        not_caused: injections that were asked for and never happened.
        device: what the device reported of itself; refused: the command that it or the host would not take.
        not_caused: requested faults whose task never came to the point.
        last: the newest reading; deepest_m: hole depth as the controllers measured it.
    """

    executive: Executive
    detections: list[Detection] = field(default_factory=list)
    worst_margin: float = 1.0
    peak_weight_n: float = 0.0
    not_caused: tuple[str, ...] = ()
    device: list[DeviceNews] = field(default_factory=list)
    refused: str = ""
    last: Observation | None = None
    deepest_m: float = 0.0


Watcher = Callable[[Tick, Sent, Executive], None]


def run_loop(run: Run, watchers: Sequence[Watcher], on_detection: Callable[[Detection], None]) -> LoopResult:
    """Run the mission to its end; the robot is connected.

    Args:
        watchers: called after every control tick with what it did (recorder, progress line, film).
        on_detection: called once per detected fault.
    """
    try:
        result = _loop(run, watchers, on_detection)
    except BaseException as error:
        run.robot.safe(f"{type(error).__name__} in the loop")
        raise
    run.robot.disarm()
    return result


def _loop(run: Run, watchers: Sequence[Watcher], on_detection: Callable[[Detection], None]) -> LoopResult:
    robot, stack = run.robot, run.stack
    _rehearse(run, robot.read())
    taken_up = take_up(run, robot) if run.resumed is not None and run.plant is None else None
    robot.arm()
    obs = robot.read()
    view, _ = stack.observe(obs)
    executive = _executive(run, view, taken_up)
    result, injector, device = LoopResult(executive), _Injector(run), DeviceWatch()
    count, ticks_per_decision = 0, max(1, EXECUTIVE_US // run.control_us)
    while True:
        if count % ticks_per_decision == 0 or executive.finished:
            if not executive.finished:
                for order in run.orders.due(run.clock.now_us):
                    executive.order(order)
                executive.tick(view, run.clock.now_us)
            if executive.finished:
                result.not_caused = injector.not_caused
                if executive.desk.ended is not None and executive.desk.faults:
                    robot.safe(executive.desk.ended.reason)
                return result
        controller = executive.desk.controller
        goal = controller.update(view) if controller else Goal.still(run.stance.feet_m, run.robot.model)
        command = stack.command(view, goal)
        try:
            sent = robot.write(command)
        except CommandRefusedError as refusal:
            # Nothing was sent. A stack that asks for nonsense is not asked again: the device holds by itself.
            result.refused = str(refusal)
            executive.end("command.not_finite")
            result.not_caused = injector.not_caused
            robot.safe(result.refused)
            return result
        injector.apply(executive, view.obs.weight_on_bit_n)
        robot.wait(obs.time_us + run.control_us)
        obs = robot.read()
        tick = Tick(view, goal, command, None)
        view, alarm = stack.observe(obs)
        if alarm is not None:
            found = _answer(run, executive, injector, alarm, obs.time_us)
            result.detections.append(found)
            on_detection(found)
        for item in device.news(obs):
            result.device.append(item)
            if item.blocking:
                executive.end(item.row)
        for watcher in watchers:
            watcher(tick, sent, executive)
        result.worst_margin = min(result.worst_margin, view.margin)
        result.peak_weight_n = max(result.peak_weight_n, obs.weight_on_bit_n)
        result.last = obs
        if controller is not None:
            running = executive.desk.running
            before_m = running.before_m if running is not None else 0.0
            result.deepest_m = max(result.deepest_m, before_m + controller.progress.depth_m)
        count += 1


def _rehearse(run: Run, obs: Observation) -> None:
    """Load compiled code and the fault table: an armed device waits 250 ms for its first command and no longer."""
    load_faults()
    stack, still = run.rehearsal, Goal.still(run.stance.feet_m, run.robot.model)
    for _ in range(REHEARSED_TICKS):
        view, _ = stack.observe(obs)
        stack.command(view, still)


def _executive(run: Run, view: View, found: Sequence[Activity] | None) -> Executive:
    """The executive of a new mission, or of one whose activities were `found` in a checkpoint."""
    tasks = run.mission.tasks
    skips = dict.fromkeys(run.request.leave_out, "the run was asked for without it")
    if run.request.anchors == "none":
        skips |= dict.fromkeys(("anchor", "pull_test"), "the run was asked for without anchors")
    if run.refusal:
        skips |= {task.task: run.refusal for task in tasks}
    limit_wh = run.mission.energy_limit_wh
    tools = frozenset(task.task for task in tasks)
    watched = standard_monitors(run.robot.model.bus_voltage_v, math.inf if limit_wh is None else 3600 * limit_wh, tools)
    return Executive(
        view,
        found or [Activity(index, task.task, task.timeout_s) for index, task in enumerate(tasks)],
        [run.workshop.task(task) for task in tasks],
        run.workshop.recovery(run.min_anchors),
        skips,
        Operator(ask=frozenset(run.request.ask), present=run.orders.present),
        Monitors(watched),
        Survival(_power(run.mission.power, found is not None)),
        run.request.stay_s,
    )


def _power(asked: PowerAsked | None, resumed: bool) -> Power | None:
    """The mission's power section in the executive's units; a host that died has forgotten what was in the battery."""
    if asked is None:
        return None
    sun, minute_us = asked.sunlight, 60_000_000
    level_wh = asked.wake_wh if resumed else asked.battery_wh
    return Power(
        3600 * asked.battery_wh, 3600 * level_wh, 3600 * asked.reserve_wh, 3600 * asked.wake_wh, asked.charge_w,
        sun.period_min * minute_us, sun.open_min * minute_us, sun.first_min * minute_us,
    )  # fmt: skip


def _answer(run: Run, executive: Executive, injector: _Injector, alarm: Alarm, now_us: int) -> Detection:
    """A blocking alarm: believe in no anchor and raise the fault; during its recovery the belief alone falls."""
    if alarm.blocking:
        run.stack.give_up_anchors()
        if not executive.desk.faults:
            executive.raise_fault(alarm.fault)
    return Detection(alarm, now_us, injector.done_us, injector.moved_m())


class _Injector:
    """Causes the requested faults in the simulated world, each once, when its task starts or is at work."""

    def __init__(self, run: Run) -> None:
        self._plant = run.plant
        self._waiting = [(text, *text.split("@", 1)) for text in run.request.inject]
        self.done_us: int | None = None
        self._at_m = run.plant.truth().position_m if run.plant else np.zeros(3)

    @property
    def not_caused(self) -> tuple[str, ...]:
        """Requests that are still waiting."""
        return tuple(text for text, _, _ in self._waiting)

    def apply(self, executive: Executive, weight_on_bit_n: float) -> None:
        """Cause what is due in this tick."""
        running = executive.desk.running
        if not self._waiting or running is None or self._plant is None:
            return
        elapsed_us = executive.desk.now_us - running.started_us
        working = weight_on_bit_n > WORKING_WEIGHT_N if running.task == "drill" else elapsed_us >= WORKING_AFTER_US
        for request in list(self._waiting):
            _, fault, task = request
            injection = INJECTIONS[fault]
            if task == running.task and (injection.at_start or working):
                injection.cause(self._plant)
                truth = self._plant.truth()
                self.done_us, self._at_m = truth.time_us, truth.position_m
                self._waiting.remove(request)

    def moved_m(self) -> float:
        """True distance that the base moved since the last injection; for the outcome, not for the stack."""
        if self._plant is None:
            return 0.0
        offset = self._plant.truth().position_m - self._at_m
        return float((offset @ offset) ** 0.5)
