"""The validator: judges any plan, from the search, a partner or a person, before it may run.

It shares the Problem with the solvers and nothing else: no decoder, no tables. It walks each robot's activities in the
order of their starts, keeps the battery minute by minute between them, and says everything that is wrong, each with
the activity, the numbers and the constraint group that explanations use.

The semantics. A downlink is paid at its start, a task at its start, a charge is credited at its end and capped at the
battery; a robot that is parked and does not charge draws idle power. The level never goes below the reserve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise

from stope.mission.planfile import DEPOT, Activity
from stope.planning.problem import PER_MILLE, Agreement, Problem, WorkSite, contains

_Expect = Callable[[bool, str, str], None]
_PARKED = ("charge", "downlink")
#: Complaints after which judging stops: a hostile plan of 1 MB would make millions, and nobody reads the hundredth.
MOST = 100


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong with a plan.

    Attributes:
        group: the constraint group: battery, sun, comm, thermal, deadline, horizon, bin, wear, log_store, zones,
            shares, deposits, demanded, order, duration, travel, overlap, forbidden or unknown.
        sentence: what, with the numbers.
        activity: index in the plan, -1 for the plan as a whole.
    """

    group: str
    sentence: str
    activity: int = -1


@dataclass(slots=True)
class _Walk:
    """One robot on its way through the plan."""

    problem: Problem
    robot: int
    complaints: list[Complaint]
    node: int
    time: int  # busy until
    level: int
    load: int
    wear: int
    data: int
    parked_until: int  # end of the latest charge or downlink
    since: int  # at this node since
    lit_until: int  # end of what covers idle time
    charges: list[tuple[int, int]] = field(default_factory=list)  # end, watt-minutes: running
    visit: WorkSite | None = None
    step: int = 0
    stays: list[tuple[int, int, int]] = field(default_factory=list)
    visited: list[tuple[int, WorkSite]] = field(default_factory=list)
    cost: int = 0


def check_plan(problem: Problem, plan: Sequence[Activity]) -> list[Complaint]:
    """Everything wrong with `plan`, of very much the first `MOST`; empty means that it may run.

    What a plan says of its own shares counts for nothing here: it may miss the band by `unavoidable_mg` and no more.
    """
    complaints: list[Complaint] = []
    nodes = {site.name: site.number for site in problem.sites} | {DEPOT: 0}
    walks = []
    for robot in range(len(problem.robots)):
        own = sorted((a.start_min, k) for k, a in enumerate(plan) if a.robot == robot)
        walks.append(_walk(problem, robot, [(k, plan[k]) for _, k in own], nodes, complaints))
    for k, activity in enumerate(plan):
        if activity.robot >= len(problem.robots):
            complaints.append(Complaint("unknown", f"there is no robot {activity.robot}", k))
    if len(complaints) < MOST:
        _check_together(problem, walks, complaints)
    return complaints[:MOST]


def plan_value(problem: Problem, plan: Sequence[Activity]) -> int:
    """Expected value of the plan in hundredths: gains of its visits less the price of its ways."""
    nodes = {site.name: site.number for site in problem.sites} | {DEPOT: 0}
    value = 0
    at = [state.node for state in problem.robots]
    for activity in sorted(plan, key=lambda a: a.start_min):
        node = nodes.get(activity.site, 0)
        if activity.task == "approach":
            value -= problem.travel_cost[at[activity.robot]][node]
            at[activity.robot] = node
        elif activity.task == "release" and node:
            value += problem.site(node).gain
    return value


def plan_unfair_mg(problem: Problem, plan: Sequence[Activity]) -> int:
    """Milligrams outside the shares' band once the plan is carried out."""
    terms, names = problem.agreement, {a.site for a in plan if a.task == "release"}
    visits = [site for site in problem.sites if site.name in names]
    own = [g + sum(s.mass_g for s in visits if s.partner == p) for p, g in enumerate(terms.collected_g)]
    return outside_band(terms, own, terms.common_g + sum(s.mass_g for s in visits if s.partner < 0))[0]


def _walk(
    problem: Problem, robot: int, own: list[tuple[int, Activity]], nodes: dict[str, int], complaints: list[Complaint]
) -> _Walk:
    state = problem.robots[robot]
    walk = _Walk(
        problem, robot, complaints, state.node, state.time, state.level, state.load_g, state.wear, state.data_mb,
        state.time, min(state.parked_since, state.time), state.time,
    )  # fmt: skip
    for index, activity in own:
        if len(complaints) >= MOST:
            return walk
        if activity.site not in nodes:
            complaints.append(Complaint("unknown", f"there is no site '{activity.site}'", index))
            continue
        _one(walk, index, activity, nodes[activity.site])
    _end(walk)
    return walk


def _one(walk: _Walk, index: int, a: Activity, node: int) -> None:
    """Judge one activity and move on."""

    def expect(good: bool, group: str, sentence: str) -> None:
        if not good:
            what = f"robot {a.robot}, {a.task} at {a.site} from minute {a.start_min}: {sentence}"
            walk.complaints.append(Complaint(group, what, index))

    free = walk.time if a.task in _PARKED else max(walk.time, walk.parked_until)
    expect(a.start_min >= free, "overlap", f"the robot is busy until minute {free}")
    _idle(walk, a.start_min)
    expect(walk.level >= walk.problem.fleet.reserve, "battery", _short(walk, walk.level))
    if walk.visit is not None:
        wanted = walk.visit.steps[walk.step].task
        same = a.task == wanted and node == walk.visit.number
        expect(same, "order", f"{wanted} at {walk.visit.name} comes next, a visit is not interrupted")
        if not same:
            walk.visit = None
    if a.task == "approach":
        _approach(walk, a, node, expect)
    elif a.task == "charge":
        _charge(walk, a, node, expect)
    elif a.task == "downlink":
        _downlink(walk, a, node, expect)
    elif a.task == "unload":
        _unload(walk, a, node, expect)
    else:
        _task(walk, a, node, expect)


def _approach(walk: _Walk, a: Activity, node: int, expect: _Expect) -> None:
    problem = walk.problem
    least = problem.travel_minutes[walk.node][node]
    expect(node != walk.node, "travel", f"the robot is at {_name(walk)} already")
    expect(a.end_min - a.start_min >= least, "travel", f"the way takes {least} min, planned {a.end_min - a.start_min}")
    forbidden = problem.site(node).forbidden if node else ""
    expect(not forbidden, "forbidden", forbidden)
    _pay(walk, problem.travel_energy[walk.node][node], expect)
    if walk.node:
        walk.stays.append((walk.node, walk.since, a.start_min))
    walk.node, walk.since, walk.time = node, a.end_min, max(walk.time, a.end_min)
    walk.parked_until, walk.lit_until = walk.time, a.start_min + least  # who dawdles idles


def _charge(walk: _Walk, a: Activity, node: int, expect: _Expect) -> None:
    minutes = a.end_min - a.start_min
    expect(node == walk.node, "order", f"the robot is at {_name(walk)}")
    expect(contains(walk.problem.sun, a.start_min, minutes), "sun", "it is not sunlit all the time until the end")
    expect(all(end <= a.start_min for end, _ in walk.charges), "overlap", "the robot is charging already")
    walk.charges.append((a.end_min, minutes * walk.problem.fleet.charge_w))
    walk.parked_until = max(walk.parked_until, a.end_min)
    walk.lit_until = max(walk.lit_until, a.end_min)


def _downlink(walk: _Walk, a: Activity, node: int, expect: _Expect) -> None:
    fleet, minutes = walk.problem.fleet, a.end_min - a.start_min
    expect(node == walk.node, "order", f"the robot is at {_name(walk)}")
    expect(minutes >= fleet.downlink_minutes, "duration", f"it takes {fleet.downlink_minutes} min, planned {minutes}")
    expect(contains(walk.problem.comm, a.start_min, minutes), "comm", "no communication window holds it")
    _pay(walk, fleet.downlink_energy, expect)
    walk.data = 0
    walk.parked_until = max(walk.parked_until, a.end_min)
    walk.lit_until = max(walk.lit_until, a.start_min + fleet.downlink_minutes)


def _unload(walk: _Walk, a: Activity, node: int, expect: _Expect) -> None:
    fleet, minutes = walk.problem.fleet, a.end_min - a.start_min
    expect(node == walk.node == 0, "order", f"unloading is done at the depot, the robot is at {_name(walk)}")
    expect(minutes >= fleet.unload_minutes, "duration", f"it takes {fleet.unload_minutes} min, planned {minutes}")
    _pay(walk, fleet.unload_energy, expect)
    walk.load = 0
    walk.time = walk.parked_until = a.end_min
    walk.lit_until = a.start_min + fleet.unload_minutes


def _task(walk: _Walk, a: Activity, node: int, expect: _Expect) -> None:
    """One task of a visit."""
    expect(node == walk.node and node > 0, "order", f"the robot is at {_name(walk)}")
    if node == 0:
        return
    site = walk.problem.site(node)
    if walk.visit is None:
        first = site.steps[0].task
        expect(a.task == first, "order", f"a visit starts with {first}")
        expect(a.start_min >= site.not_before, "deadline", f"not before minute {site.not_before}")
        walk.visit, walk.step = site, next((k for k, s in enumerate(site.steps) if s.task == a.task), 0)
    step, minutes = site.steps[walk.step], a.end_min - a.start_min
    expect(minutes == step.minutes, "duration", f"it takes {step.minutes} min, planned {minutes}")
    if a.task == site.cut_task:
        fits = contains(site.cut_windows, a.start_min, minutes)
        expect(fits, "thermal", f"{site.material} may not be cut all the time until minute {a.end_min}")
    _pay(walk, step.energy, expect)
    walk.time = walk.parked_until = walk.lit_until = max(walk.time, a.end_min)
    walk.step += 1
    if walk.step == len(site.steps):
        _visited(walk, site, a, expect)


def _visited(walk: _Walk, site: WorkSite, a: Activity, expect: _Expect) -> None:
    fleet = walk.problem.fleet
    walk.load, walk.wear, walk.data = walk.load + site.mass_g, walk.wear + site.wear, walk.data + site.data_mb
    expect(a.end_min <= site.deadline, "deadline", f"the site's deadline is minute {site.deadline}")
    expect(walk.load <= fleet.bin_g, "bin", f"the bin would hold {walk.load} g of {fleet.bin_g} g")
    expect(walk.wear <= fleet.wear, "wear", f"the bit would be worn by {walk.wear} of {fleet.wear}")
    expect(walk.data <= fleet.store_mb, "log_store", f"the log store would hold {walk.data} MB of {fleet.store_mb} MB")
    walk.visited.append((a.end_min, site))
    walk.visit, walk.step = None, 0


def _end(walk: _Walk) -> None:
    problem, robot = walk.problem, walk.robot
    if walk.visit is not None:
        text = f"robot {robot} never does {walk.visit.steps[walk.step].task} at {walk.visit.name}"
        walk.complaints.append(Complaint("order", text))
    if walk.node:
        walk.complaints.append(Complaint("travel", f"robot {robot} ends at {_name(walk)}, not at the depot"))
        walk.stays.append((walk.node, walk.since, 10 * problem.horizon))
    last = max(walk.time, walk.parked_until)
    _idle(walk, last)
    short = (
        walk.level < problem.fleet.reserve and last > problem.robots[robot].time
    )  # who stays as he was breaks nothing
    if short and not any(c.group == "battery" for c in walk.complaints):
        walk.complaints.append(Complaint("battery", f"robot {robot} at its end: {_short(walk, walk.level)}"))
    if last > problem.horizon:
        text = f"robot {robot} ends at minute {last}, the horizon is minute {problem.horizon}"
        walk.complaints.append(Complaint("horizon", text))


def _idle(walk: _Walk, until: int) -> None:
    """Credit charges that ended, and draw idle power for the minutes that nothing covers."""
    fleet = walk.problem.fleet
    for end, energy in sorted(walk.charges):
        if end <= until:
            walk.level = min(fleet.battery, walk.level + energy)
    walk.charges = [each for each in walk.charges if each[0] > until]
    walk.level -= fleet.idle_w * max(0, until - walk.lit_until)
    walk.lit_until = max(walk.lit_until, until)


def _pay(walk: _Walk, energy: int, expect: _Expect) -> None:
    expect(walk.level - energy >= walk.problem.fleet.reserve, "battery", _short(walk, walk.level - energy))
    walk.level -= energy


def _short(walk: _Walk, level: int) -> str:
    return f"the battery would fall to {level / 60:.1f} Wh, the reserve is {walk.problem.fleet.reserve / 60:.1f} Wh"


def _name(walk: _Walk) -> str:
    return walk.problem.site(walk.node).name if walk.node else DEPOT


def _check_together(problem: Problem, walks: list[_Walk], complaints: list[Complaint]) -> None:
    """What concerns all robots: no site twice, shares, deposits, demands, zones."""
    visits = sorted((site for walk in walks for _, site in walk.visited), key=lambda site: site.number)
    for a, b in pairwise(visits):
        if a.number == b.number:
            complaints.append(Complaint("order", f"{a.name} is visited twice"))
    missing = [s.name for s in problem.sites if s.demanded and s not in visits]
    complaints += [Complaint("demanded", f"{name} is demanded and not visited") for name in missing]
    for k, name in enumerate(problem.agreement.deposits):
        taken, left = sum(s.mass_g for s in visits if s.deposit == k), problem.agreement.deposit_left_g[k]
        if taken > left:
            complaints.append(Complaint("deposits", f"{taken} g are taken from {name}, {left} g are allowed"))
    terms = problem.agreement
    own = [g + sum(s.mass_g for s in visits if s.partner == p) for p, g in enumerate(terms.collected_g)]
    outside, worst = outside_band(terms, own, terms.common_g + sum(s.mass_g for s in visits if s.partner < 0))
    least = unavoidable_mg(problem)
    if outside > least:
        but = f", {least / 1000:.0f} g of that cannot be helped" if least else ""
        complaints.append(Complaint("shares", f"shares miss the band by {outside / 1000:.0f} g{but}: {worst}"))
    if len(walks) > 1 and problem.zones:
        _check_zones(problem, walks, complaints)


def unavoidable_mg(problem: Problem) -> int:
    """Milligrams outside the shares' band that no plan can be blamed for: of what is collected already and demanded.

    Whatever else a plan visits it might have left out; so a plan that ends further outside than this could have been
    fairer, and from a fair start without demands every unfair plan could.
    """
    terms = problem.agreement
    demanded = [site for site in problem.sites if site.demanded]
    own = [g + sum(s.mass_g for s in demanded if s.partner == p) for p, g in enumerate(terms.collected_g)]
    return outside_band(terms, own, terms.common_g + sum(s.mass_g for s in demanded if s.partner < 0))[0]


def outside_band(terms: Agreement, own: Sequence[int], common: int) -> tuple[int, str]:
    """Milligrams outside the shares' band, and who has what, in words.

    Args:
        own: grams collected for each partner. common: grams from common ground, still to be shared out.
    """
    total = sum(own) + common
    low = [(share - terms.tolerance) * total - PER_MILLE * terms.slack_g for share in terms.share]
    high = [(share + terms.tolerance) * total + PER_MILLE * terms.slack_g for share in terms.share]
    lacking = [max(0, bound - PER_MILLE * mass) for bound, mass in zip(low, own, strict=True)]
    excess = [max(0, PER_MILLE * mass - bound) for bound, mass in zip(high, own, strict=True)]
    room = sum(max(0, h - max(PER_MILLE * m, lo)) for lo, h, m in zip(low, high, own, strict=True))
    spare = PER_MILLE * common - sum(lacking)
    outside = sum(excess) + max(0, -spare) + max(0, spare - room)
    words = [
        f"{name} has {mass / 1000:.1f} kg of {total / 1000:.1f} kg, agreed {share / 10:.0f} %"
        for name, mass, share in zip(terms.partners, own, terms.share, strict=True)
    ]
    return outside, ", ".join(words)


def _check_zones(problem: Problem, walks: list[_Walk], complaints: list[Complaint]) -> None:
    near = problem.zones | {(b, a) for a, b in problem.zones}
    for i, one in enumerate(walks):
        for other in walks[i + 1 :]:
            theirs, passed = sorted(other.stays, key=lambda stay: stay[1]), 0
            for a, since, until in sorted(one.stays, key=lambda stay: stay[1]):
                while passed < len(theirs) and theirs[passed][2] <= since:
                    passed += 1
                for b, come, gone in islice(theirs, passed, None):
                    if come >= until:
                        break
                    if len(complaints) >= MOST:
                        return
                    if (a, b) in near and since < gone:
                        text = (
                            f"robots {one.robot} and {other.robot} are both inside one safety zone, at"
                            f" {problem.site(a).name} and {problem.site(b).name},"
                            f" from minute {max(since, come)} to {min(until, gone)}"
                        )
                        complaints.append(Complaint("zones", text))


__all__ = ["Complaint", "check_plan", "outside_band", "plan_unfair_mg", "plan_value", "unavoidable_mg"]
