"""Run the cases: ask each subject's module for our values, and judge them by the table's tolerances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from stope.clock import HostClock
from stope.mission.errors import InputError
from stope.validation import anchoring, collection, drilling, gravity, hygiene, surface
from stope.validation.case import Absent, Case, CheckResult, Result, Verdict, load_cases

#: What a case returns: ours by check name; a property is True or False, a check that cannot be run is Absent.
Values = Mapping[str, float | bool | Absent]

#: Id -> how we compute ours.
COMPUTED: dict[str, Callable[[], Values]] = {
    **gravity.CASES,
    **hygiene.CASES,
    **anchoring.CASES,
    **drilling.CASES,
    **collection.CASES,
    **surface.CASES,
}

#: Cases whose value is a time on this machine.
TIMED = frozenset({"N03"})


def run_cases(ids: Iterable[str] | None = None, *, timed: bool = True) -> list[Result]:
    """Run cases, all when `ids` is left out, in the order of the table.

    Args:
        ids: such as "G01"; a letter alone is the whole group.
        timed: also those that measure this machine's speed.

    Raises:
        InputError: no such case or group.
    """
    cases = load_cases()
    chosen = _chosen(cases, list(ids) if ids is not None else [])
    return [_run(case, timed) for case in chosen]


def _chosen(cases: dict[str, Case], ids: list[str]) -> list[Case]:
    for text in ids:
        if not any(name == text.upper() or name[0] == text.upper() for name in cases):
            groups = ", ".join(sorted({name[0] for name in cases}))
            raise InputError(f"case '{text}'", read="no such case", expected=f"an id of the table or a group: {groups}")
    wanted = {text.upper() for text in ids}
    return [case for name, case in cases.items() if not wanted or name in wanted or name[0] in wanted]


def _run(case: Case, timed: bool) -> Result:
    clock = HostClock()
    start = clock.now_s()
    values: Values
    if case.id in TIMED and not timed:
        values = dict.fromkeys(case.checks, Absent("a time on a busy machine is no test; asked for without timing"))
    else:
        try:
            values = COMPUTED[case.id]()
        except Absent as absent:
            values = dict.fromkeys(case.checks, absent)
    seconds = clock.now_s() - start
    if set(values) != set(case.checks):
        raise ValueError(f"case {case.id} computes {sorted(values)}, the table checks {sorted(case.checks)}")
    checks = tuple(_judge(case, name, values[name]) for name in case.checks)
    verdicts = {check.verdict for check in checks}
    verdict: Verdict = "miss" if "miss" in verdicts else "pass" if "pass" in verdicts else "skip"
    skipped = dict.fromkeys(check.why for check in checks if check.why)
    parts = ([case.miss.rstrip(".")] if verdict == "miss" else []) + (
        [f"assumed: {case.assumed}"] if case.assumed else []
    )
    if verdict == "miss" and not case.miss:
        parts = []  # nothing that explains it
    return Result(
        id=case.id, what=case.what, source=case.source, confidence=case.confidence, verdict=verdict, checks=checks,
        note="; ".join([*parts, *skipped]), seconds=round(seconds, 3),
    )  # fmt: skip


def _judge(case: Case, name: str, ours: float | bool | Absent) -> CheckResult:
    check = case.checks[name]
    unit = "" if check.holds else check.unit
    if isinstance(ours, Absent):
        return CheckResult(
            name=name,
            published=check.value,
            unit=unit,
            tolerance=check.tolerance,
            ours=None,
            verdict="skip",
            why=str(ours),
        )
    number = float(ours)
    verdict: Verdict = "pass" if check.judge(number) else "miss"
    return CheckResult(
        name=name, published=check.value, unit=unit, tolerance=check.tolerance, ours=number, verdict=verdict
    )
