"""Flight: a plan file carried out. The plan is flown at activity level; sites may be worked in PyBullet, one at a time.

One PyBullet world has one robot, so several robots are flown at activity level only. What a PyBullet mission decides is
whether the anchors of that site hold and what part of the mass comes home; how long things take is drawn as for
`stope plan --simulate`, because a plan counts survey, charging and waiting too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from stope.mission.errors import InputError
from stope.mission.expedition import Expedition
from stope.mission.missionfile import Collect, load_mission
from stope.planning.closedloop import Outcome
from stope.planning.desk import Desk
from stope.planning.flying import Judged, fly
from stope.planning.framing import frame
from stope.planning.luck import Luck, Spread, draw_luck
from stope.planning.process import PlannerProcess
from stope.planning.replanner import Policy, Replanner
from stope.planning.schedule import place_name
from stope.planning.world import Event, Leg, World
from stope.session.request import RunRequest
from stope.session.run import run_mission

LOG = "flight.jsonl"


@dataclass(frozen=True, slots=True)
class FlightRequest:
    """What to fly.

    Attributes:
        expedition: shipped name or file. plan: the plan file. overrides: of the expedition.
        template: mission whose tasks are done at each site in PyBullet; empty for activity level alone.
        own_process: the planner in a process of its own, as on hardware; then what it plans in time is not repeatable.
    """

    expedition: str
    plan: Path
    out: Path
    seed: int | None = None
    overrides: tuple[str, ...] = ()
    template: str = ""
    own_process: bool = False


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
    seed, policy = desk.ask.seed, Policy()
    here = Replanner(desk.nominal, policy, seed)
    apart = PlannerProcess(desk.nominal, policy, seed) if asked.own_process else None
    asked.out.mkdir(parents=True, exist_ok=True)
    try:
        with (asked.out / LOG).open("x", encoding="utf-8") as log:
            world = SiteWorld(desk, draw_luck(desk.nominal, seed, Spread()), asked, log)
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
        found = self._inner.replan(*question)
        _tell(self._log, what="decision", swapped=found.swapped, reason=found.reason, changes=list(found.changes),
              value=found.value, unfair_kg=found.unfair_mg / 1e6, shares=found.shares)  # fmt: skip
        return found


class SiteWorld(World):
    """The activity-level world, in which a PyBullet mission says of each site what holds and what comes home."""

    def __init__(self, desk: Desk, luck: Luck, asked: FlightRequest, log: IO[str]) -> None:
        super().__init__(desk.nominal, luck)
        self._expedition, self._asked, self._log = desk.expedition, asked, log
        self._worked: set[int] = set()

    def carry_out(self, robot: int, leg: Leg) -> Event:
        """As `World.carry_out`, once the site's mission has been run."""
        if self._asked.template and leg.node and leg.node not in self._worked:
            self._worked.add(leg.node)
            self._work(leg.node)
        return super().carry_out(robot, leg)

    def _work(self, node: int) -> None:
        name = place_name(self.problem, node)
        held, share, reason = run_site(self._expedition, name, self._asked, self._asked.out / name)
        self.luck.holds[node], self.luck.mass[node] = held, share
        _tell(self._log, what="mission", site=name, anchors_held=held, share_of_mass=share, reason=reason)


def run_site(expedition: Expedition, name: str, asked: FlightRequest, out: Path) -> tuple[bool, float, str]:
    """One site's PyBullet mission: whether the anchors held, the part of the mass that came home, and why not all."""
    place = next(site for site in expedition.sites if site.name == name)
    ground = next(each for each in expedition.grounds if each.name == place.ground)
    template = load_mission(asked.template)
    seed = expedition.seed + expedition.sites.index(place) if asked.seed is None else asked.seed
    outcome = run_mission(
        RunRequest(
            asked.template, seed=seed, overrides=(f"site.rock={ground.material}",), out=out, video=False,
            progress=False, attended=False,
        )
    )  # fmt: skip
    states = {task.task: task.state for task in outcome.tasks}
    held = states.get("pull_test", states.get("anchor")) == "succeeded"
    wanted_kg = sum(task.mass_kg for task in template.tasks if isinstance(task, Collect))
    share = min(1.0, outcome.collected_kg / wanted_kg) if wanted_kg else float(states.get("drill") == "succeeded")
    return held, share, outcome.reason


def _tell_event(log: IO[str], world: World, event: Event) -> None:
    _tell(log, what="event", robot=event.robot, site=place_name(world.problem, event.node), outcome=event.what,
          minute=event.time)  # fmt: skip


def _tell(log: IO[str], **what: Any) -> None:
    log.write(json.dumps(what) + "\n")
    log.flush()


__all__ = ["FlightRequest", "fly_plan", "run_site"]
