"""Desk: what `stope plan` does with one expedition: plan it, explain, simulate, prove, judge and write plans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stope.mission.errors import InputError
from stope.mission.expedition import Margins, read_expedition
from stope.mission.planfile import Plan, read_plan, write_plan
from stope.mission.shipped import find_data
from stope.planning.exact import prove
from stope.planning.explain import explain_plan, why_no_plan, why_not_site
from stope.planning.forecast import Forecast, forecast
from stope.planning.framing import expedition_digest, frame
from stope.planning.gantt import gantt_svg
from stope.planning.schedule import make_plan
from stope.planning.solver import Ask, Solution, solve
from stope.planning.spreadfile import SpreadFile
from stope.planning.validator import check_plan, plan_unfair_mg, plan_value


class Desk:
    """One expedition on the desk.

    Args:
        name: shipped expedition, or file. overrides: `path=value` each.
        seed: instead of the expedition's. iterations: the search's budget.

    Raises:
        InputError: the file is wrong, with its place.
    """

    def __init__(self, name: str, overrides: Sequence[str], seed: int | None, iterations: int) -> None:
        self.expedition, _ = read_expedition(name, overrides)
        self.near = find_data("expedition", name).parent
        self.digest = expedition_digest(self.expedition, self.near)
        self.problem = frame(self.expedition, near=self.near)
        self.nominal = frame(self.expedition, Margins(time=1, energy=1), self.near)
        self.ask = Ask(iterations, self.expedition.seed if seed is None else seed)
        self._found: Solution | None = None

    @property
    def found(self) -> Solution:
        """What the search found; it runs once."""
        if self._found is None:
            self._found = solve(self.problem, self.ask)
        return self._found

    def plan(self) -> Plan | None:
        """The plan, judged by the validator; None when a demanded site cannot be visited.

        Raises:
            RuntimeError: the validator refuses what the search found, which would be a bug.
        """
        found = self.found
        if found.missing or not found.home:
            return None
        made = make_plan(self.problem, found, self.digest, self.ask.seed, self.ask.iterations, self.expedition.margins)
        complaints = check_plan(self.problem, made.activities)
        if complaints:
            raise RuntimeError(f"the search's plan fails its own validator: {complaints[0].sentence}")
        return made

    def write(self, plan: Plan, out: Path) -> Path:
        """Write the plan and its picture; the picture's path.

        Raises:
            InputError: the folder does not exist.
        """
        if not out.parent.is_dir():
            raise InputError("--out", read=f"'{out}'", expected="a file in a folder that exists")
        write_plan(plan, out)
        picture = out.with_suffix(".svg")
        title = f"{plan.expedition}: expected value {plan.value:.1f}, plan {str(plan.document()['sha256'])[:12]}"
        picture.write_text(gantt_svg(self.problem, plan.activities, title), encoding="utf-8")
        return picture

    def summary(self, plan: Plan) -> dict[str, object]:
        """What a person wants to know first."""
        visited = [self.problem.site(n).name for n in self.found.visited]
        told: dict[str, object] = {
            "value": plan.value,
            "sites": f"{len(visited)} of {len(self.problem.sites)}: {', '.join(visited)}",
            "activities": len(plan.activities),
            "sha256": plan.sha256,
        }
        if plan.unfair_kg > 0:
            told["shares"] = f"no fair plan was found; this one misses the agreed band by {plan.unfair_kg:.2f} kg"
        return told

    def explanations(self) -> list[str]:
        """A sentence a site."""
        return list(explain_plan(self.problem, self.found, self.ask))

    def why_not(self, name: str) -> str:
        """Why not this site.

        Raises:
            InputError: there is no such site.
        """
        numbers = {site.name: site.number for site in self.problem.sites}
        if name not in numbers:
            raise InputError("--why-not", read=f"'{name}'", expected=f"a site: {', '.join(numbers)}")
        return why_not_site(self.problem, self.found, self.ask, numbers[name])

    def why_no_plan(self) -> str:
        """Why there is no plan."""
        if not self.found.home:
            return "no robot can get home from where it stands"
        sentence = why_no_plan(self.problem)
        return sentence if sentence is not None else "a plan exists and this search missed it: raise --iterations"

    def proof(self) -> str:
        """What CP-SAT says of the plan.

        Raises:
            ModuleNotFoundError: the extra `exact` is not installed.
        """
        found = prove(self.problem, effort=5.0)
        if found.bound is None:
            return "CP-SAT proves that there is no plan inside the agreed shares"
        gap = 100 * (found.bound - self.found.value) / max(1, abs(found.bound))
        if found.status == "optimal" and found.bound == self.found.value:
            return "proved: no plan is worth more"
        return f"no plan is worth more than {found.bound / 100:.1f}: this one is within {gap:.1f} %"

    def forecast(self, plan: Plan, missions: int, spread: SpreadFile) -> Forecast:
        """The plan played many times, with outcomes that scatter as `spread` says."""
        return forecast(self.nominal, plan.activities, missions, self.ask.seed, spread.spread)

    def judge(self, file: Path) -> tuple[Plan, list[str]]:
        """A plan file and what is wrong with it, a sentence each with its line.

        Raises:
            InputError: it cannot be read.
        """
        plan, tree = read_plan(file)
        if plan.expedition_sha256 != self.digest:
            raise tree.error(
                ("expedition_sha256",), f"'{plan.expedition_sha256[:12]}...'", f"this expedition's, '{self.digest}'",
                "plan anew, or give the expedition that this was planned for",
            )  # fmt: skip
        problem = frame(self.expedition, plan.margins, self.near)
        lines = []
        for each in check_plan(problem, plan.activities):
            place = ("activities", each.activity) if each.activity >= 0 else ("activities",)
            mark = tree.where(place)
            lines.append(f"{file}:{mark.line if mark else 1}: {each.group}: {each.sentence}")
        return plan, lines

    def value_of(self, plan: Plan) -> float:
        """What a plan is expected to bring, worked out from its activities."""
        return plan_value(self.problem, plan.activities) / 100

    def edited(self, plan: Plan) -> Plan:
        """The plan as a person changed it, with value, shares and digest worked out anew."""
        unfair_kg = plan_unfair_mg(self.problem, plan.activities) / 1e6
        told = {"edited": plan.edited or not plan.intact, "value": self.value_of(plan), "unfair_kg": unfair_kg}
        edited = plan.model_copy(update=told)
        return edited.model_copy(update={"sha256": str(edited.document()["sha256"])})
