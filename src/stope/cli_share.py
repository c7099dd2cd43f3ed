"""`stope share` and `stope log query`: hand logs on, find them, and ask them questions. Thin."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from stope.cli_log import FAILED, JsonOption, LogArgument, exists, group, now, told_of
from stope.cli_log import app as log_app
from stope.mission.errors import InputError

app = group("Hand logs from team to team through a folder, a bucket or a web server.")
StoreArgument = Annotated[
    str, typer.Argument(metavar="STORE", help="A folder, s3://bucket/prefix, or (to read) https://...")
]
SqlArgument = Annotated[str, typer.Argument(metavar="SQL", help="One SELECT.")]
SecondsOption = Annotated[float, typer.Option(min=0.1, help="Longest time for the query.")]


@log_app.command("query", epilog='Example:  stope log query "select count(*) from robot_observation" a.mcap')
def log_query(
    sql: SqlArgument,
    log: Annotated[list[Path] | None, typer.Argument(metavar="LOG...", help="Logs to ask.")] = None,
    tables: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the tables here; logs that are in them are not read again.")
    ] = None,
    compact: Annotated[bool, typer.Option("--compact", help="Merge the tables' files first.")] = False,
    seconds: SecondsOption = 60.0,
    json: JsonOption = False,
) -> None:
    """Ask many logs at once: a table per topic (robot_observation), a row per message.

    The query sees these tables and nothing else. Each log is read in a process of its own with limits.
    """
    for file in log or ():
        exists(file)
    if not log and tables is None:
        raise InputError("LOG..., --tables", read="neither", expected="logs to ask, or a folder of tables")
    from stope.tasklog.confined import confined
    from stope.tasklog.newfile import made_folder
    from stope.tasklog.query.answer import as_json, as_text
    from stope.tasklog.query.sql import Bounds, query
    from stope.tasklog.query.tables import compact as merge
    from stope.tasklog.query.tables import datasets

    with tempfile.TemporaryDirectory() as scratch:
        folder = tables if tables is not None else Path(scratch)
        made_folder(folder)
        for file in log or ():
            confined("stope.tasklog.tasks:add_to_tables", str(folder), str(file))
        if compact:
            merge(folder)
        found = datasets(folder)
        if not found:
            raise InputError(str(folder), read="no tables", expected="those of earlier queries; name logs to make them")
        answer = query(sql, found, Bounds(seconds=seconds))
    typer.echo(as_json(answer) if json else as_text(answer))


@app.command("push", epilog="Example:  stope share push s3://asteroid-logs/2027 runs/*/*.mcap")
def push(
    store: StoreArgument,
    log: Annotated[list[Path], typer.Argument(metavar="LOG...", help="Logs; seals beside them go too.")],
) -> None:
    """Upload logs with the seals beside them (LOG.seal.json) and name them in a new commit."""
    for file in log:
        exists(file)
    from stope.tasklog.exchange.share import push as upload
    from stope.tasklog.exchange.store import Store

    done = upload(Store(store, create=True), log, now())
    what = f"commit {done.commit}" if done.commit else "nothing new"
    typer.echo(f"{store}: {what}; {done.uploaded} uploaded, {done.present} there already, {len(done.skipped)} known")


@app.command("pull", epilog="Example:  stope share pull https://logs.example.org/2027 theirs --policy partners.json")
def pull(
    store: StoreArgument,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the logs go.")],
    policy: Annotated[Path | None, typer.Option(metavar="FILE", help="Take only logs that verify by it.")] = None,
    mission: Annotated[str, typer.Option(help="Only logs of this mission.")] = "",
    team: Annotated[str, typer.Option(help="Only logs of this team.")] = "",
) -> None:
    """Fetch what is new; a log takes its name when its digest, and with --policy its seal, is good.

    Exit code 1 if a log was refused.
    """
    from stope.tasklog.exchange.share import pull as fetch
    from stope.tasklog.exchange.store import Store

    asked = {key: value for key, value in (("mission", mission), ("team", team)) if value}
    wanted = (lambda row: all(row.get(key) == value for key, value in asked.items())) if asked else None
    done = fetch(Store(store), folder, policy=policy, wanted=wanted)
    for path in done.taken:
        typer.echo(str(path))
    for reason in done.refused:
        typer.echo(f"refused: {reason}", err=True)
    typer.echo(f"{store}: up to commit {done.head}; {len(done.taken)} taken, {done.present} there already")
    for log in done.resealed:
        typer.echo(f"{log}: its seal has been countersigned")
    raise typer.Exit(FAILED if done.refused else 0)


@app.command("search", epilog='Example:  stope share search logs "select name from logs where duration_s > 60"')
def search(store: StoreArgument, sql: SqlArgument, seconds: SecondsOption = 60.0, json: JsonOption = False) -> None:
    """Search the catalogue: tables `logs` and `topics`, joined by sha256. No log is fetched."""
    from stope.tasklog.exchange.search import catalogue_tables
    from stope.tasklog.exchange.store import Store
    from stope.tasklog.query.answer import as_json, as_text
    from stope.tasklog.query.sql import Bounds, query

    answer = query(sql, catalogue_tables(Store(store)), Bounds(seconds=seconds))
    typer.echo(as_json(answer) if json else as_text(answer))


@app.command("verify", epilog="Example:  stope share verify s3://asteroid-logs/2027")
def verify(store: StoreArgument) -> None:
    """Read every object and commit; exit code 1 if one is missing or wrong."""
    from stope.tasklog.exchange.commits import first_commit
    from stope.tasklog.exchange.share import verify_store
    from stope.tasklog.exchange.store import Store

    found = Store(store)
    first_commit(found)
    problems = verify_store(found)
    typer.echo("\n".join(problems) or f"{store}: all objects and commits are good")
    raise typer.Exit(FAILED if problems else 0)


@log_app.command("pack", epilog="Example:  stope log pack run.mcap --out run-crate")
def log_pack(
    log: LogArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")],
    author: Annotated[list[str] | None, typer.Option(metavar="NAME", help="An author. Repeat it.")] = None,
    organisation: Annotated[str, typer.Option(metavar="ROR", help="The team's ROR identifier (a URL).")] = "",
) -> None:
    """Pack a log with its seal and its description for an archive: an RO-Crate folder."""
    for file in told_of("pack_log", log, str(out), now()[:10], organisation, *(author or ())):
        typer.echo(file)
