"""`stope ledger`: post, weigh, transfer, allocate, audit, export. Thin: the work is in `ledger`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from stope.cli_log import FAILED, JsonOption, LogArgument, exists, group, now
from stope.cli_seal import KeyOption, PolicyOption, SealOption
from stope.mission.errors import InputError

if TYPE_CHECKING:
    from stope.ledger.entry import Evidence

app = group("The shared mass ledger: signed entries over sealed logs, shares by an agreement.")
LedgerArgument = Annotated[Path, typer.Argument(metavar="LEDGER", help="The journal, a .jsonl file.")]
AccountArgument = Annotated[str, typer.Argument(help="Such as hopper:m1, container:c7, loss:spill, stock:ours.")]
CommodityArgument = Annotated[str, typer.Argument(help="Such as regolith.")]
AsOption = Annotated[str, typer.Option("--as", metavar="ORG", help="Your organisation, as the policy calls it.")]
AgreementOption = Annotated[Path, typer.Option("--agreement", metavar="FILE", help="The agreement (YAML).")]
EvidenceOption = Annotated[
    list[Path],
    typer.Option("--log", metavar="LOG", help="A sealed log that shows it, its seal beside it. Repeat it."),
]
TopicOption = Annotated[str, typer.Option("--topic", help="On which topic of these logs.")]
_SERVICE = ("service:", "opening:")  # contributions, counted in units of their own
MemoOption = Annotated[str, typer.Option(help="One sentence for the reader.")]


@app.command("post", epilog="Example:  stope ledger post books.jsonl run.mcap --site north --robot m1 --as ours ...")
def post(
    ledger: LedgerArgument,
    log: LogArgument,
    site: Annotated[str, typer.Option(help="The site's name in the agreement.")],
    robot: Annotated[str, typer.Option(help="The robot's name: its hopper and tank.")],
    organisation: AsOption,
    key: KeyOption,
    policy: PolicyOption,
    seal: SealOption = None,
    account: Annotated[
        list[str] | None,
        typer.Option(metavar="THEIRS=OURS", help="Map an account of the log. Repeat it."),
    ] = None,
    memo: MemoOption = "",
) -> None:
    """Book what a sealed log, with the parts that it went on in, collected; it must verify."""
    exists(log)
    from stope.ledger.from_logs import collected_from

    extra = dict(_pair(text, "--account") for text in account or ())
    postings, evidence = collected_from(log, seal, policy, site=site, robot=robot, extra_accounts=extra)
    _append(ledger, policy, key, organisation, kind="collect", postings=postings, evidence=evidence, memo=memo)


@app.command(
    "weigh",
    epilog="Example:  stope ledger weigh books.jsonl hopper:m1 regolith 9.5 --std 0.01 --log scale.mcap --topic /scale",
)
def weigh(
    ledger: LedgerArgument,
    account: AccountArgument,
    commodity: CommodityArgument,
    kg: Annotated[float, typer.Argument(help="What the balance shows, in kg.")],
    std: Annotated[float, typer.Option(help="Its standard deviation, in kg.")],
    log: EvidenceOption,
    topic: TopicOption,
    organisation: AsOption,
    key: KeyOption,
    policy: PolicyOption,
    memo: MemoOption = "",
) -> None:
    """Note an independent weighing; the audit holds the book against it.

    The balance's readings are the evidence: a table of them becomes a log by stope log import-csv, and is sealed.
    """
    from stope.ledger.entry import Weighing

    with _sentence(f"{account} {commodity}"):
        row = Weighing(account=account, commodity=commodity, measured_mg=_mg(kg, least_mg=0), std_mg=std * 1e6)
    evidence = _evidence(log, topic, policy)
    _append(ledger, policy, key, organisation, kind="weigh", weighing=row, evidence=evidence, memo=memo)


@app.command("move", epilog="Example:  stope ledger move books.jsonl hopper:m1 container:c7 regolith 10.25 ...")
def move(
    ledger: LedgerArgument,
    source: AccountArgument,
    target: AccountArgument,
    commodity: CommodityArgument,
    kg: Annotated[float, typer.Argument(help="How much, in kg.")],
    organisation: AsOption,
    key: KeyOption,
    policy: PolicyOption,
    memo: MemoOption = "",
) -> None:
    """Move mass between accounts: into a container, a loss, an adjustment, or (stock to stock) to a partner.

    A transfer to a partner counts when the partner accepts it.
    """
    from stope.ledger.entry import move as both_sides

    kind = "transfer" if source.startswith("stock:") and target.startswith("stock:") else "adjust"
    with _sentence(f"{source} {target} {commodity}"):
        postings = both_sides(commodity, source, target, _mg(kg))
    _append(ledger, policy, key, organisation, kind=kind, memo=memo, postings=postings)


@app.command("accept", epilog="Example:  stope ledger accept books.jsonl 7 --as theirs ...")
def accept(ledger: LedgerArgument, number: int, organisation: AsOption, key: KeyOption, policy: PolicyOption) -> None:
    """Sign for a transfer that you receive."""
    exists(ledger, "a journal")
    _append(ledger, policy, key, organisation, kind="accept", refers_to=number)


@app.command("reverse", epilog="Example:  stope ledger reverse books.jsonl 7 --as ours ...")
def reverse(
    ledger: LedgerArgument,
    number: int,
    organisation: AsOption,
    key: KeyOption,
    policy: PolicyOption,
    memo: MemoOption = "",
) -> None:
    """Undo an entry of yours by one with the signs changed; both stay in the journal."""
    exists(ledger, "a journal")
    from stope.ledger.entry import reversed_postings
    from stope.ledger.journal import load
    from stope.tasklog.seal.policy import load_policy

    lines = load(ledger, load_policy(policy)).lines
    if not 1 <= number <= len(lines):
        raise InputError(str(ledger), read=f"entry {number}", expected=f"one of its {len(lines)} entries")
    postings = reversed_postings(lines[number - 1].entry.postings)
    _append(ledger, policy, key, organisation, kind="reverse", refers_to=number, postings=postings, memo=memo)


@app.command(
    "contribute",
    epilog="Example:  stope ledger contribute books.jsonl hardware 120 --log run.mcap --topic /robot/observation",
)
def contribute(
    ledger: LedgerArgument,
    kind: Annotated[str, typer.Argument(help="hardware [h], energy [kJ], data [kB] or mass [g].")],
    amount: Annotated[int, typer.Argument(min=1, help="Whole units.")],
    log: EvidenceOption,
    topic: TopicOption,
    organisation: AsOption,
    key: KeyOption,
    policy: PolicyOption,
    memo: MemoOption = "",
) -> None:
    """Note what your organisation put in, and the sealed logs that show it."""
    from stope.ledger.entry import SERVICES
    from stope.ledger.entry import move as both_sides

    if kind not in SERVICES:
        raise InputError("KIND", read=kind, expected=" or ".join(SERVICES))
    with _sentence(f"--as {organisation}, AMOUNT {amount}"):
        postings = both_sides(kind, f"opening:{organisation}", f"service:{organisation}", amount)
    evidence = _evidence(log, topic, policy)
    _append(ledger, policy, key, organisation, kind="contribute", postings=postings, evidence=evidence, memo=memo)


@app.command("allocate", epilog="Example:  stope ledger allocate books.jsonl container:c7 regolith ...")
def allocate(
    ledger: LedgerArgument,
    account: Annotated[str, typer.Argument(help="What is shared: all that this account holds.")],
    commodity: CommodityArgument,
    agreement: AgreementOption,
    policy: PolicyOption,
    organisation: Annotated[str, typer.Option("--as", metavar="ORG", help="Who posts it; with --key.")] = "",
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Post it; without, only print it.")] = None,
) -> None:
    """Share by the agreement's rule; anyone gets the same shares from the same files."""
    from stope.ledger.agreement import load_agreement
    from stope.ledger.allocation import allocation
    from stope.ledger.journal import load
    from stope.tasklog.seal.policy import load_policy

    rules, sha256 = load_agreement(agreement)
    shares, postings = allocation(load(ledger, load_policy(policy)), rules, account, commodity)
    for name, amount in shares.items():
        typer.echo(f"{name:<20} {amount:>20} mg")
    if key is not None:
        _append(ledger, policy, key, organisation, kind="allocate", postings=postings, agreement=sha256)


@app.command("balance", epilog="Example:  stope ledger balance books.jsonl --policy partners.json")
def balance(ledger: LedgerArgument, policy: PolicyOption, json: JsonOption = False) -> None:
    """Check chain and signatures, add up, and print every account."""
    exists(ledger, "a journal")
    import json as jsonlib

    from stope.ledger.balance import add_up
    from stope.ledger.entry import SERVICES
    from stope.ledger.journal import load
    from stope.tasklog.seal.policy import load_policy

    journal = load(ledger, load_policy(policy))
    rows = [
        {"account": account, "commodity": commodity, "amount_mg": found.amount_mg, "std_mg": found.std_mg}
        for (account, commodity), found in sorted(add_up(journal).balances.items())
    ]
    if json:
        typer.echo(jsonlib.dumps({"head": journal.head, "entries": len(journal.lines), "balances": rows}, indent=2))
        return
    for row in rows:
        unit = SERVICES.get(str(row["commodity"]), "mg") if str(row["account"]).startswith(_SERVICE) else "mg"
        typer.echo(f"{row['account']:<32} {row['amount_mg']:>20} {unit} {row['commodity']}")
    typer.echo(f"{len(journal.lines)} entries, the last is {journal.head or 'none'}")


@app.command("audit", epilog="Example:  stope ledger audit books.jsonl --agreement a.yaml --policy p.json")
def audit(
    ledger: LedgerArgument,
    agreement: AgreementOption,
    policy: PolicyOption,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the page for people.")] = None,
    evidence: Annotated[bool, typer.Option("--evidence", help="Also print what each entry rests on.")] = False,
    log: Annotated[
        list[Path] | None,
        typer.Option("--log", metavar="LOG", help="Work out again from this log what entries say of it. Repeat it."),
    ] = None,
) -> None:
    """Hold books and agreement against each other; exit code 1 if something needs attention."""
    exists(ledger, "a journal")
    for file in log or ():
        exists(file)
    from stope.ledger.agreement import load_agreement
    from stope.ledger.audit import audit as examine
    from stope.ledger.audit_page import audit_page, checked_text, evidence_text
    from stope.ledger.claims import shown_by
    from stope.ledger.journal import load
    from stope.ledger.recomputed import files_of
    from stope.tasklog.newfile import write_new
    from stope.tasklog.seal.policy import load_policy

    journal = load(ledger, load_policy(policy))
    shown, files = shown_by(log or (), journal), files_of(log or (), journal, policy)
    found = examine(journal, *load_agreement(agreement), shown, files)
    if html is not None:
        write_new(html, audit_page(found).encode())
    for trail in found.trails if evidence else ():
        outcome = found.outcomes.get(trail.entry.number, "")
        typer.echo(
            f"entry {trail.entry.number}, {trail.entry.kind} by {trail.entry.organisation}: {evidence_text(trail)}"
            + (f" ({outcome})" if outcome else "")
        )
    if found.outcomes:
        typer.echo(checked_text(found))
    typer.echo("\n".join(found.findings) or f"{ledger}: {len(found.journal.lines)} entries, nothing to report")
    raise typer.Exit(FAILED if found.findings else 0)


@app.command("export", epilog="Example:  stope ledger export books.jsonl --policy p.json --hledger > books.journal")
def export(
    ledger: LedgerArgument,
    policy: PolicyOption,
    hledger: Annotated[bool, typer.Option("--hledger", help="For hledger.")] = False,
    beancount: Annotated[bool, typer.Option("--beancount", help="For beancount.")] = False,
) -> None:
    """Print the books as plain-text accounting, so that another program can add them up."""
    exists(ledger, "a journal")
    if hledger == beancount:
        raise InputError("--hledger, --beancount", read="both or neither", expected="one of them")
    from stope.ledger.export import export as as_text
    from stope.ledger.journal import load
    from stope.tasklog.seal.policy import load_policy

    typer.echo(as_text(load(ledger, load_policy(policy)), "hledger" if hledger else "beancount"), nl=False)


def _append(ledger: Path, policy: Path, key: Path, organisation: str, **fields: Any) -> None:
    from stope.ledger.journal import append
    from stope.tasklog.seal.keys import load_private
    from stope.tasklog.seal.policy import load_policy

    whole = {"at": now(), "organisation": organisation, **fields}
    line = append(ledger, load_policy(policy), load_private(key), whole)
    typer.echo(f"{ledger}: entry {line.entry.number}, {line.sha256}")


def _evidence(logs: list[Path], topic: str, policy: Path) -> tuple[Evidence, ...]:
    from stope.ledger.from_logs import evidence_from

    for log in logs:
        exists(log)
    return evidence_from(logs, topic, policy)


def _pair(text: str, option: str) -> tuple[str, str]:
    left, equals, right = text.partition("=")
    if not (left and equals and right):
        raise InputError(option, read=repr(text), expected="THEIRS=OURS")
    return left, right


@contextmanager
def _sentence(what: str) -> Iterator[None]:
    """What pydantic says of what was typed, as one sentence."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        told = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        raise InputError(what, read="what the ledger cannot hold", expected=told, field=field) from None


def _mg(kg: float, least_mg: int = 1) -> int:
    """Whole milligrams; an empty container may be weighed, nothing cannot be moved."""
    if not least_mg <= kg * 1e6 < 1e15:
        raise InputError("KG", read=f"{kg:g}", expected=f"{least_mg} mg or more, and less than 1e9 kg")
    return round(kg * 1e6)
