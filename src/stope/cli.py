"""The `stope` command: options in, a request out; what it does lives in the rooms below, imported when it is needed.

Exit codes: 0 passed, 1 the verdict is fail, 2 usage or input, 3 robot or link, 4 internal error, 130 interrupted.
"""

from __future__ import annotations

import json as jsonlib
import os
import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from stope import __version__, cli_bridge, cli_campaign, cli_diff, cli_ledger, cli_log, cli_plan, cli_seal, cli_share
from stope.cli_errors import FAILED, Sentences
from stope.cli_log import JsonOption
from stope.mission.errors import InputError

app = cli_log.group(
    "Plan, anchor, drill and collect on small bodies, in simulation and on hardware.",
    cls=Sentences,
    epilog="Start here:  stope run bennu_core",
)
faults_app = cli_log.group("The faults that the stack detects and that a run can inject.")
cli_log.app.command("diff", epilog="Example:  stope log diff sim.mcap hardware.mcap --figure parity.svg")(cli_diff.diff)
app.add_typer(cli_log.app, name="log")
app.add_typer(cli_seal.key_app, name="key")
app.add_typer(cli_ledger.app, name="ledger")
app.add_typer(cli_share.app, name="share")
app.add_typer(cli_campaign.app, name="campaign")
app.add_typer(faults_app, name="faults")
cli_bridge.register(app)
app.command(epilog=cli_plan.PLAN_EXAMPLES)(cli_plan.plan)


class Anchors(StrEnum):
    """What `--anchors` takes."""

    NORMAL = "normal"
    NONE = "none"


class BodyUnit(StrEnum):
    """What `--body-unit` takes."""

    M = "m"
    KM = "km"


class Schema(StrEnum):
    """What `stope schema` takes."""

    MISSION = "mission"
    BODY = "body"
    MATERIAL = "material"
    ROBOT = "robot"
    SCENARIO = "scenario"
    EXPEDITION = "expedition"
    AGREEMENT = "agreement"
    SPREAD = "spread"


SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Change one value of the file: tasks.drill.depth_m=0.05. Repeat it."
    ),
]
BodyOption = Annotated[
    str | None,
    typer.Option(
        "--body", metavar="FILE|NAME", help="Work on this body instead: a name, a body file or a shape (.obj)."
    ),
]
BodyUnitOption = Annotated[BodyUnit, typer.Option("--body-unit", help="Unit of the coordinates in a shape file.")]
MissionArgument = Annotated[str, typer.Argument(metavar="MISSION", help="A shipped mission's name, or a mission file.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stope {__version__}")
        raise typer.Exit(0)


@app.callback()
def _everywhere(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print tracebacks (also STOPE_DEBUG=1).")] = False,
) -> None:
    if debug:
        os.environ["STOPE_DEBUG"] = "1"


_RUN_EXAMPLES = """\b
Examples:
  stope run bennu_core
  stope run my_mission.yaml --set tasks.drill.depth_m=0.05 --seed 7
  stope run bennu_core --body bennu.obj --no-video
  stope run bennu_core --inject anchors.lost@drill
  stope run bennu_core --ask drill --order approve@60
  stope run bennu_six_days --plan plan.json
"""


@app.command(epilog=_RUN_EXAMPLES)
def run(
    mission: MissionArgument,
    body: BodyOption = None,
    body_unit: BodyUnitOption = BodyUnit.M,
    robot: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="sim, firmware (compiled, in lock step), native, emulated (in real time; emulated:lockstep as fast as "
            "it goes), serial:PORT for hardware, or replay:LOG.",
        ),
    ] = "sim",
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the mission's seed.")] = None,
    anchors: Annotated[Anchors, typer.Option(help="'none' runs without any anchor.")] = Anchors.NORMAL,
    inject: Annotated[
        list[str] | None, typer.Option(metavar="FAULT@TASK", help="Make a fault happen in a task. Repeat it.")
    ] = None,
    order: Annotated[
        list[str] | None, typer.Option(metavar="VERB@SECONDS", help="Order as an operator would: pause@40. Repeat it.")
    ] = None,
    ask: Annotated[
        list[str] | None, typer.Option(metavar="TASK", help="Begin this task only once it is approved. Repeat it.")
    ] = None,
    stay: Annotated[float, typer.Option(min=0.0, metavar="SECONDS", help="Stay and listen when all is done.")] = 0.0,
    overrides: SetOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for log and pictures; a new one below runs/ when left out.")
    ] = None,
    video: Annotated[bool, typer.Option(help="Render pictures and a film after the run.")] = True,
    plan: Annotated[
        Path | None, typer.Option(metavar="PLAN", help="Fly this plan; MISSION is then the expedition.")
    ] = None,
    sites: Annotated[
        str, typer.Option(metavar="MISSION", help="With --plan: work each site in PyBullet, as this mission does.")
    ] = "",
    spread: Annotated[
        str, typer.Option(metavar="SPREAD", help="With --plan: shipped spread of luck, or its file.")
    ] = "miner_bennu",
    rotate_every: Annotated[
        str,
        typer.Option(metavar="TIME|SIZE", help="A new log file each 60s (of run time), 10min or 64MB."),
    ] = "",
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with the run in this folder, from its checkpoint.")
    ] = None,
    json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress line and no table.")] = False,
) -> None:
    """Run a mission; exit code 0 if it passed, 1 if not.

    With --resume the run's own request counts; MISSION must name the same mission, and a fault that the device latched
    when its host died is cleared and the robot armed again.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends in order: robot safe, log closed
    for text in inject or ():
        fault, at, task = text.partition("@")
        if not (fault and at and task):
            raise InputError("--inject", read=f"'{text}'", expected="FAULT@TASK, such as anchors.lost@drill")
    if plan is not None:
        _fly(mission, plan, out, seed, tuple(overrides or ()), sites, robot, tuple(inject or ()), spread, json)
    from stope.session.request import RunRequest, free_folder

    request = RunRequest(
        mission=mission,
        body=body,
        body_unit=body_unit.value,
        robot=robot,
        seed=seed,
        anchors=anchors.value,
        inject=tuple(inject or ()),
        orders=tuple(order or ()),
        ask=tuple(ask or ()),
        stay_s=stay,
        overrides=tuple(overrides or ()),
        out=out if out is not None else free_folder(mission),
        rotate_every=rotate_every,
        video=video,
        progress=not (quiet or json),
    )
    from stope.session.robot_choice import check_robot

    check_robot(request)  # before the imports below, which take seconds
    from stope.session.outcome import print_outcome
    from stope.session.run import run_mission

    if resume is not None:
        from stope.session.resuming import request_of

        request = request_of(resume, request)

    outcome = run_mission(request)
    print_outcome(outcome, json, quiet)
    raise typer.Exit(outcome.exit_code)


def _fly(
    expedition: str, plan: Path, out: Path | None, seed: int | None, overrides: tuple[str, ...], sites: str, robot: str,
    inject: tuple[str, ...], spread: str, json: bool,
) -> None:  # fmt: skip
    """Fly a plan; exit code 0 if it ended fair and broke no limit."""
    from stope.session.flight import FlightRequest, fly_plan
    from stope.session.request import free_folder

    folder = out if out is not None else free_folder(expedition)
    end = fly_plan(FlightRequest(expedition, plan, folder, seed, overrides, sites, robot, inject, spread))
    told = {"value": end.value, "collected_kg": end.collected_kg, "visited": end.visited, "failures": end.failures,
            "unfair_kg": end.unfair_kg, "violations": list(end.violations), "good": end.good,
            "decisions": len(end.log), "log": str(folder / "flight.jsonl")}  # fmt: skip
    if json:
        _print_json(told)
    else:
        _print_list({key: str(value) for key, value in told.items()}, json)
    raise typer.Exit(0 if end.good else FAILED)


class Verb(StrEnum):
    """What `stope operate` takes."""

    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    ABORT = "abort"
    APPROVE = "approve"
    ESTOP = "estop"


@app.command(epilog="Example:  stope operate runs/bennu_core pause --why 'dust on the lens'")
def operate(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run that is under way.")],
    verb: Annotated[Verb, typer.Argument(help="What to do.")],
    who: Annotated[str, typer.Option(help="Who orders it; goes into the log.")] = "operator",
    why: Annotated[str, typer.Option(help="Why; goes into the log.")] = "",
    patience: Annotated[float, typer.Option(min=0.0, max=3600.0, help="Seconds to wait for the answer.")] = 10.0,
) -> None:
    """Order something of a running mission; exit code 1 if it was refused or nobody answered."""
    from stope.session.orders import give_order, wait_for_answer

    answer = wait_for_answer(folder, give_order(folder, verb.value, who, why), patience)
    typer.echo(answer["sentence"] if answer else f"no answer within {patience:g} s: the run may have ended")
    raise typer.Exit(0 if answer and answer["accepted"] else FAILED)


@app.command(epilog="Example:  stope check my_mission.yaml --set tasks.drill.depth_m=0.05")
def check(
    mission: MissionArgument,
    body: BodyOption = None,
    body_unit: BodyUnitOption = BodyUnit.M,
    overrides: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Check a mission and all that it names.

    Nothing runs. --json prints the mission with every default filled in, as it goes into the log.
    """
    from stope.session.checking import check_mission

    resolved = check_mission(mission, body, body_unit.value, tuple(overrides or ()))
    if json:
        _print_json(resolved)
        return
    tasks = ", ".join(task["task"] for task in resolved["mission"]["tasks"])
    typer.echo(f"{mission}: good; {resolved['robot']['name']} on {resolved['body']['name']}: {tasks}")
    for note in resolved["body"]["assumptions"]:
        typer.echo(f"  assumed: {note}")
    typer.echo(f"  sha256 {resolved['sha256']}")


@app.command()
def schema(kind: Annotated[Schema, typer.Argument(help="Which kind of file.")]) -> None:
    """Print the JSON Schema of a kind of file, for editors."""
    from stope.session.checking import file_schema

    _print_json(file_schema(kind.value))


@app.command()
def missions(json: JsonOption = False) -> None:
    """List the shipped missions."""
    from stope.mission.missionfile import load_mission
    from stope.mission.shipped import shipped

    found = {name: load_mission(name) for name in shipped("mission")}
    _print_list({name: f"{m.robot} on {m.body}. {m.description.strip()}" for name, m in found.items()}, json)


@app.command()
def bodies(json: JsonOption = False) -> None:
    """List the shipped bodies."""
    from stope.mission.body import load_body
    from stope.mission.shipped import shipped

    _print_list({name: load_body(name).summary for name in shipped("body")}, json)


@app.command()
def materials(
    techniques: Annotated[
        bool, typer.Option("--techniques", help="Which way of anchoring and collecting suits which.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """List the shipped materials."""
    from stope.mission.material import load_material
    from stope.mission.shipped import shipped

    if techniques:
        from stope.validation.suitability import margins, told

        found = [load_material(name) for name in shipped("material")]
        _print_json(margins(found)) if json else typer.echo(told(found))
        return
    _print_list({name: load_material(name).summary for name in shipped("material")}, json)


@app.command()
def robots(json: JsonOption = False) -> None:
    """List the shipped robots."""
    from stope.mission.shipped import shipped
    from stope.robot.modelfile import load_robot

    found = {name: load_robot(file) for name, file in shipped("robot").items()}
    _print_list(
        {
            name: f"{len(model.limbs)} anchors, {len(model.joints)} joints, "
            + ", ".join(tool for tool in ("drill", "drums", "sampler") if getattr(model, tool) is not None)
            for name, model in found.items()
        },
        json,
    )


@app.command(epilog="Example:  stope validate G A04 --html validation.html")
def validate(
    cases: Annotated[
        list[str] | None, typer.Argument(metavar="[CASE]...", help="Ids or groups: G01, A, D. All if none.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write the table as a page.")] = None,
    timed: Annotated[bool, typer.Option(help="Also run the cases that measure this machine's speed.")] = True,
    json: JsonOption = False,
) -> None:
    """Compare the models with what is published; exit code 1 if a miss has no explanation."""
    from stope.validation import run_cases
    from stope.validation.show import to_html, to_json, to_text

    results = run_cases(cases or None, timed=timed)
    typer.echo(to_json(results) if json else to_text(results))
    if html is not None:
        try:
            html.write_text(to_html(results), encoding="utf-8")
        except OSError as error:
            raise InputError(
                str(html), read=f"an error ({error.strerror})", expected="a file that can be written"
            ) from None
    raise typer.Exit(0 if all(result.explained for result in results) else FAILED)


@faults_app.command("list")
def faults_list(json: JsonOption = False) -> None:
    """List the fault table: what is detected, how, and what is done then."""
    from stope.executive.faults.table import load_faults

    _print_list(
        {row.id: row.hazard + (f" (--inject {row.inject}@TASK)" if row.inject else "") for row in load_faults()}, json
    )


@faults_app.command("inject", epilog="Example:  stope faults inject anchors.lost@drill bennu_core")
def faults_inject(
    fault: Annotated[str, typer.Argument(metavar="FAULT@TASK", help="Which fault, and in which task.")],
    mission: MissionArgument = "bennu_core",
    robot: Annotated[str, typer.Option(metavar="KIND", help="sim or firmware.")] = "sim",
    json: JsonOption = False,
) -> None:
    """Run a mission in which a fault happens, without pictures; short for `stope run --inject`."""
    run(mission, robot=robot, inject=[fault], video=False, json=json)


def _print_list(lines: dict[str, str], json: bool) -> None:
    if json:
        _print_json(lines)
        return
    width = max(map(len, lines), default=0)
    for name, text in lines.items():
        typer.echo(f"{name:<{width}}  {' '.join(text.split())}")


def _print_json(value: Any) -> None:
    typer.echo(jsonlib.dumps(value, indent=2, ensure_ascii=False))


def main() -> None:
    """Entry point of the `stope` script."""
    for pool in ("OPENBLAS", "OMP", "MKL"):  # small matrices: one thread is faster, and sums keep their order
        os.environ.setdefault(f"{pool}_NUM_THREADS", "1")
    app(prog_name="stope")


if __name__ == "__main__":
    main()
