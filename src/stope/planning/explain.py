"""Explanations: why each site of a plan is in it, and why another one is not; sentences with their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stope.planning.problem import Problem, WorkSite
from stope.planning.solver import Ask, Solution, solve
from stope.planning.whynot import Impossible, why_impossible


def explain_plan(problem: Problem, plan: Solution, ask: Ask) -> Iterator[str]:
    """Why this site: what each visit is expected to bring, and what the best plan found without it is worth."""
    for number in plan.visited:
        site = problem.site(number)
        without = solve(problem, _other(problem, ask, {number}))
        loss = (plan.value - without.value) / 100
        worth = f"the best plan found without it is worth {loss:.1f} less" if loss > 0 else (
            "a plan without it was found that is worth as much"
        )  # fmt: skip
        yield f"{site.name}: {_merits(site)}; {worth}"
    for site in problem.sites:
        if site.number not in plan.visited:
            yield why_not_site(problem, plan, ask, site.number)


def why_not_site(problem: Problem, plan: Solution, ask: Ask, number: int) -> str:
    """Why not this site: it cannot be visited at all (which groups, what would help), or it would cost more."""
    site = problem.site(number)
    if number in plan.visited:
        return f"{site.name}: it is in the plan; {_merits(site)}"
    impossible = why_impossible(problem, frozenset({number}))
    if impossible is not None:
        return f"{site.name}: {impossible_sentence(impossible)}"
    if site.gain <= 0:
        return f"{site.name}: not worth it; {_merits(site)}"
    forced = replace(
        problem, sites=tuple(replace(s, demanded=True) if s.number == number else s for s in problem.sites)
    )
    found = solve(forced, replace(ask, warm=()))
    if found.missing:
        return f"{site.name}: no plan with it was found; {_merits(site)}"
    less, out = (plan.value - found.value) / 100, [problem.site(n).name for n in plan.visited if n not in found.visited]
    instead = f" and leaves out {', '.join(out)}" if out else ""
    if found.unfair_mg > plan.unfair_mg:
        miss = (found.unfair_mg - plan.unfair_mg) / 1e6
        return f"{site.name}: with it shares miss the agreed band by {miss:.1f} kg more; {_merits(site)}"
    if less <= 0:
        return f"{site.name}: a plan with it is worth as much{instead}; {_merits(site)}"
    return f"{site.name}: the best plan found with it is worth {less:.1f} less{instead}; {_merits(site)}"


def why_no_plan(problem: Problem) -> str | None:
    """Why the demanded sites cannot all be visited; None if they can."""
    demanded = frozenset(site.number for site in problem.sites if site.demanded)
    impossible = why_impossible(problem, demanded)
    if impossible is None:
        return None
    names = ", ".join(site.name for site in problem.sites if site.demanded)
    return f"no plan visits {names}: {impossible_sentence(impossible)}"


def impossible_sentence(why: Impossible) -> str:
    """The conflict and what would resolve it."""
    if why.forbidden:
        return "; ".join(why.forbidden)
    certain = "it is proved that" if why.proved else "the search finds that"
    if not why.conflict:
        return f"{certain} the ways alone make it impossible; loosening any one group does not help"
    text = f"{certain} {' and '.join(why.conflict)} make{'s' if len(why.conflict) == 1 else ''} it impossible"
    if not why.relaxations:
        return f"{text}; no group loosened alone would help"
    return f"{text}; any one of these would help: {'; '.join(each.sentence for each in why.relaxations)}"


def _merits(site: WorkSite) -> str:
    return (
        f"expected gain {site.gain / 100:.1f} (anchors hold with probability {site.hold:.2f}, worth"
        f" {site.worth / 100:.1f} if they do) for {site.minutes} min and {site.energy / 60:.0f} Wh"
    )


def _other(problem: Problem, ask: Ask, without: set[int]) -> Ask:
    everything = ask.only if ask.only is not None else frozenset(site.number for site in problem.sites)
    return replace(ask, only=everything - without, iterations=max(50, ask.iterations // 4), warm=())
