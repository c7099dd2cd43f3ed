"""Pages that mkdocs makes from the code: faults, validation, command line, wire. They cannot go out of date."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from stope.bridge.protocol_page import protocol_page
from stope.cli import app
from stope.executive.faults.table import Fault, load_faults
from stope.mission.material import load_material
from stope.mission.shipped import shipped
from stope.validation import run_cases
from stope.validation.show import summary, to_markdown
from stope.validation.suitability import digging_markdown, suitability_markdown

EXIT_CODES = {
    0: "passed, or recovered from a fault",
    1: "the mission failed, or the log is damaged",
    2: "wrong usage or input; one sentence says what",
    3: "robot or link",
    4: "internal error; `STOPE_DEBUG=1` shows the traceback",
    130: "interrupted; what was recorded is kept",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {
        "reference/faults.md": faults_page(),
        "reference/validation.md": validation_page(),
        "reference/cli.md": cli_page(),
        "reference/protocol.md": protocol_page(),
        "reference/techniques.md": techniques_page(),
    }
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def faults_page() -> str:
    """The fault table, a section a row."""
    head = (
        "# Faults\n\nWhat the stack and the device detect, and what they do then. The page is made from"
        " `src/stope/executive/faults/table.yaml`, where each row names the test that proves it."
        " `stope faults list` prints it in short.\n\n"
        "| fault | ends the mission | to cause it |\n|---|---|---|\n"
    )
    rows = "".join(
        f"| [`{row.id}`](#{row.id.replace('.', '')}) | {'yes' if row.blocking else 'no'} | {_cause(row)} |\n"
        for row in load_faults()
    )
    return head + rows + "".join(_fault(row) for row in load_faults())


def validation_page() -> str:
    """The validation table as it came out when the pages were built; times are not taken."""
    results = run_cases(timed=False)
    head = (
        "# Validation\n\nEvery published and analytic case: what is published, what we get, whether that is near"
        "\nenough. `stope validate` runs and prints it, with `--json` and `--html`; `make test` fails when a case"
        "\ncomes out otherwise than the table says. A miss stays a miss, with its explanation. Confidence:"
        "\nV read in the source, V2 in a secondary text, A analytic, S measured in a trial, M from memory.\n\n"
    )
    return head + summary(results) + ".\n\n" + to_markdown(results)


def techniques_page() -> str:
    """Which technique suits which ground, and published models of digging side by side; from the models."""
    materials = [load_material(name) for name in shipped("material")]
    head = (
        "# Techniques and grounds\n\nWhich way of anchoring and collecting suits which shipped material, for one"
        "\nreference job (hold 60 N, core 50 mm in half an hour, dig 25 mm, bring 60 g) at Bennu's gravity. The number"
        "\nis the margin: what the model gives over what the job needs. `yes` from 3, `?` within a factor of 3 of 1,"
        "\n`-` below. `stope materials --techniques` prints it.\n\n"
    )
    digging = (
        "\n## Digging: five published models side by side\n\nDraft in N of one blade (20 cm wide, 3 cm deep, 45 deg) by"
        "\neach model. They were fitted on Earth and disagree: treat any one of them as right to a factor of three at"
        "\nbest, and less where gravity is not Earth's.\n\n"
    )
    return head + suitability_markdown(materials) + digging + digging_markdown()


def _cause(row: Fault) -> str:
    return f"`--inject {row.inject}@TASK`" if row.inject else ""


def _fault(row: Fault) -> str:
    unit = "" if row.unit == "1" else f" {row.unit}"
    return (
        f"\n## {row.id}\n\n{row.hazard}\n\n| | |\n|---|---|\n| signal | {row.signal} |\n"
        f"| threshold | {row.threshold:g}{unit} |\n| detected within | {row.time_s:g} s |\n"
        f"| response | {row.response} |\n| proved by | `{row.test}` |\n"
    )


def cli_page() -> str:
    """Every command with its options."""
    group = typer.main.get_command(app)
    context = group.make_context("stope", [], resilient_parsing=True)
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    text = f"# Command line\n\nMade from the commands themselves. Exit codes:\n\n| code | meaning |\n|---|---|\n{codes}"
    for command, words in _commands(group, context):
        text += f"\n## {command}\n\n```text\n{words}\n```\n"
    return text


def _commands(command: Any, context: Any) -> Iterator[tuple[str, str]]:
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        yield context.command_path, command.get_help(context).strip()
        return
    for name, sub in subcommands.items():
        yield from _commands(sub, type(context)(sub, info_name=name, parent=context, terminal_width=100))
