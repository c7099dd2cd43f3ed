"""Flight: a plan file carried out. The plan is flown at activity level; sites may be worked in PyBullet, one at a time.

One PyBullet world has one robot, so several robots are flown at activity level only. What a site's mission decides is
whether the anchors of that site hold, what part of the mass comes home, and what goes wrong meanwhile: whatever its
executive wants planned anew is asked of the planner at once, while the robot stows and leaves. How long things take is
drawn as for `stope plan --simulate`, because a plan counts survey, charging and waiting too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from stope.control.stack import Tick
from stope.executive.activity import Replan
from stope.executive.tree import Executive
from stope.mission.errors import InputError
from stope.mission.expedition import Expedition
from stope.mission.missionfile import Collect, Sample, load_mission
from stope.planning.anomaly import Anomaly, expected_end
from stope.planning.closedloop import Outcome
from stope.planning.desk import Desk
from stope.planning.flying import Judged, fly
from stope.planning.framing import frame
from stope.planning.luck import Luck, draw_luck
from stope.planning.problem import WorkSite
from stope.planning.process import PlannerProcess
from stope.planning.replanner import Decision, Policy, Replanner
from stope.planning.schedule import place_name
from stope.planning.spreadfile import USUAL, read_spread
from stope.planning.world import Event, World
from stope.robot.messages import Sent
from stope.session.request import RunRequest
from stope.session.run import run_mission

LOG = "flight.jsonl"
_TOOLS = ("drill", "collect", "sample")


@dataclass(frozen=True, slots=True)
class FlightRequest:
    """What to fly.

    Attributes:
        expedition: shipped name or file. plan: the plan file. overrides: of the expedition.
        template: mission whose tasks are done at each site in PyBullet; empty for activity level alone.
        robot: who does them. With any but "sim" the planner is a process of its own, so that control is never late for
            it; what it plans in time is then not repeatable.
        inject: "fault@task" each, caused at the first site where that task is done.
        spread: shipped spread or file, of what is drawn and of the planner's roll-outs.
    """

    expedition: str
    plan: Path
    out: Path
    seed: int | None = None
    overrides: tuple[str, ...] = ()
    template: str = ""
    robot: str = "sim"
    inject: tuple[str, ...] = ()
    spread: str = USUAL

    @property
    def own_process(self) -> bool:
        """Whether the planner is a process of its own."""
        return self.robot != "sim"


def fly_plan(asked: FlightRequest) -> Outcome:
    """Judge the plan and fly it; every event and decision goes to `flight.jsonl` in the run's folder.

    Raises:
        InputError: the plan is for another expedition, or breaks a limit; nothing was done.
    """
    desk = Desk(asked.expedition, asked.overrides, asked.seed, iterations=1)
    plan, complaints = desk.judge(asked.plan)
    if complaints:
        raise InputError(str(asked.plan), read=f"a plan that may not run: {complaints[0]}", expected="a good plan")
    if asked.template and desk.expedition.rovers.count > 1:
        raise InputError("--sites", read=f"{desk.expedition.rovers.count} robots", expected="one robot in PyBullet")
    for option, given in (("--inject", ", ".join(asked.inject)), ("--robot", asked.robot if asked.own_process else "")):
        if given and not asked.template:
            raise InputError(option, read=f"'{given}' without --sites", expected="--sites MISSION: work done at sites")
    seed, policy, spread = desk.ask.seed, Policy(), read_spread(asked.spread).spread
    here = Replanner(desk.nominal, policy, seed, spread)
    apart = PlannerProcess(desk.nominal, policy, seed, spread) if asked.own_process else None
    asked.out.mkdir(parents=True, exist_ok=True)
    try:
        with (asked.out / LOG).open("x", encoding="utf-8") as log:
            world = SiteWorld(desk, draw_luck(desk.nominal, seed, spread), asked, log)
            end = fly(
                world, frame(desk.expedition, plan.margins, desk.near), plan,
                Told(Judged(apart or here, here), log), lambda event: _tell_event(log, world, event),
            )  # fmt: skip
            _tell(log, what="end", value=end.value, collected_kg=end.collected_kg, good=end.good,
                  violations=list(end.violations))  # fmt: skip
    except FileExistsError:
        raise InputError("--out", read=f"'{asked.out}', where a flight was logged", expected="a new folder") from None
    finally:
        if apart is not None:
            apart.close()
    return end


class Told:
    """A planner whose decisions go into the log: old against new, and why."""

    def __init__(self, inner: Judged, log: IO[str]) -> None:
        self._inner, self._log = inner, log

    def replan(self, *question: Any) -> Any:
        """The inner planner's decision."""
        return self._told(self._inner.replan(*question))

    def ask(self, *question: Any) -> Callable[[], Any]:
        """The inner planner's decision, told when it is taken up."""
        answer = self._inner.ask(*question)
        return lambda: self._told(answer())

    def _told(self, found: Decision) -> Decision:
        _tell(self._log, what="decision", swapped=found.swapped, reason=found.reason, changes=list(found.changes),
              value=found.value, unfair_kg=found.unfair_mg / 1e6, shares=found.shares)  # fmt: skip
        return found


class SiteWorld(World):
    """The activity-level world, in which a site's mission says what holds, what comes home and what goes wrong."""

    def __init__(self, desk: Desk, luck: Luck, asked: FlightRequest, log: IO[str]) -> None:
        super().__init__(desk.nominal, luck)
        self._expedition, self._asked, self._log = desk.expedition, asked, log
        self._inject = list(asked.inject)

    def visit(self, robot: int, site: WorkSite) -> Event:
        """As `World.visit`, once the site's mission has been run."""
        if self._asked.template:
            self._work(robot, site)
        return super().visit(robot, site)

    def _work(self, robot: int, site: WorkSite) -> None:
        rover = self.rovers[robot]
        tasks = {step.task for step in site.steps} - self.lost
        here = tuple(each for each in self._inject if each.split("@")[1] in tasks)
        self._inject = [each for each in self._inject if each not in here]

        def notice(told: Replan) -> None:
            begun, until = expected_end(rover.state(), site, told.task, math.floor(rover.time))
            self.broken_off.setdefault(site.number, told.task)
            self.lost |= {told.lost} - {""}
            found = Anomaly(robot, site.number, begun, told.task, told.code, told.reason, until)
            _tell(self._log, what="anomaly", site=site.name, minute=begun, task=told.task, code=told.code,
                  reason=told.reason, lost=told.lost, frozen_until=until.time)  # fmt: skip
            self.on_anomaly(found)

        held, share, reason = run_site(self._expedition, site.name, self._asked, tasks, here, notice)
        self.luck.holds[site.number], self.luck.mass[site.number] = held, share
        _tell(self._log, what="mission", site=site.name, anchors_held=held, share_of_mass=share, reason=reason)


def run_site(
    expedition: Expedition,
    name: str,
    asked: FlightRequest,
    tasks: Collection[str],
    inject: tuple[str, ...],
    notice: Callable[[Replan], None],
) -> tuple[bool, float, str]:
    """One site's mission: whether the anchors held, the part of the mass that came home, and why not all.

    Args:
        tasks: what the plan does there; other tools of the mission stay at rest.
        notice: told of what is to be planned anew, as it comes up.
    """
    place = next(site for site in expedition.sites if site.name == name)
    ground = next(each for each in expedition.grounds if each.name == place.ground)
    template = load_mission(asked.template)
    seed = expedition.seed + expedition.sites.index(place) if asked.seed is None else asked.seed

    def watch(_tick: Tick, _sent: Sent, executive: Executive) -> None:
        asks = executive.desk.replan
        while asks:
            notice(asks.pop(0))

    outcome = run_mission(
        RunRequest(
            asked.template, robot=asked.robot, seed=seed, overrides=(f"site.rock={ground.material}",), inject=inject,
            leave_out=tuple(sorted(set(_TOOLS) - set(tasks))), out=asked.out / name, video=False, progress=False,
            attended=False,
        ),
        [watch],
    )  # fmt: skip
    states = {task.task: task.state for task in outcome.tasks}
    held = states.get("pull_test", states.get("anchor")) == "succeeded"
    wanted_kg = sum(task.mass_kg for task in template.tasks if isinstance(task, Collect | Sample))
    share = min(1.0, outcome.collected_kg / wanted_kg) if wanted_kg else float(states.get("drill") == "succeeded")
    return held, share, outcome.reason


def _tell_event(log: IO[str], world: World, event: Event) -> None:
    _tell(log, what="event", robot=event.robot, site=place_name(world.problem, event.node), outcome=event.what,
          minute=event.time)  # fmt: skip


def _tell(log: IO[str], **what: Any) -> None:
    log.write(json.dumps(what) + "\n")
    log.flush()


__all__ = ["FlightRequest", "fly_plan", "run_site"]
