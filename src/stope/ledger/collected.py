"""From a sealed log to an entry: what its mass messages moved, in the ledger's accounts and milligrams.

Either every transfer is in the log (/mass/parcel), or its net is (/mass/balance, of which the last message counts).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from stope.ledger.entry import Evidence, Posting
from stope.mission.errors import InputError
from stope.tasklog.messages import message_class
from stope.tasklog.reader import LogMessage, read
from stope.tasklog.seal.dsse import Envelope
from stope.tasklog.seal.policy import Policy
from stope.tasklog.seal.statement import read_statement
from stope.tasklog.seal.verify import Verification, verify
from stope.tasklog.topics import TOPICS

PARCELS, BALANCES = "/mass/parcel", "/mass/balance"
#: Ledger account by account of a robot's log; {site} and {robot} are filled in.
ACCOUNTS = {
    "ground": "site:{site}",
    "fallen_back": "site:{site}",
    "tool": "hopper:{robot}",
    "bin": "hopper:{robot}",
    "in_flight": "loss:ejecta.{site}",
    "escaped": "loss:ejecta.{site}",
    "beyond_patch": "loss:ejecta.{site}",
    "tank": "tank:{robot}",
    "space": "loss:exhaust",
    "opening": "opening:{robot}",
}
_UG_PER_MG = 1000
_ROUNDING_STD_MG = 0.29  # of a uniform error of 1 mg: 1/sqrt(12)


def collected(
    log: Path,
    envelope: Envelope,
    policy: Policy,
    *,
    site: str,
    robot: str,
    extra_accounts: Mapping[str, str] | None = None,
) -> tuple[tuple[Posting, ...], Evidence]:
    """Postings and evidence of a log in one file; see `collected_of`."""
    postings, (evidence,) = collected_of(
        [(log, envelope)], policy, site=site, robot=robot, extra_accounts=extra_accounts
    )
    return postings, evidence


def collected_of(
    parts: Sequence[tuple[Path, Envelope]],
    policy: Policy,
    *,
    site: str,
    robot: str,
    extra_accounts: Mapping[str, str] | None = None,
) -> tuple[tuple[Posting, ...], tuple[Evidence, ...]]:
    """Postings and evidence of a log's parts, each of which must verify, as a whole or with other topics withheld.

    Raises:
        InputError: a part does not verify, nothing is booked, or there is an account that nobody mapped.
        SealError, TaskLogError: log or seal cannot be read.
    """
    log = parts[0][0]
    checked = [(path, envelope, checked_seal(path, envelope, policy)) for path, envelope in parts]
    statements = [read_statement(envelope, str(path)) for path, envelope in parts]
    there = {subject.topic for statement in statements for subject in statement.subjects.values()}
    topic = PARCELS if PARCELS in there else BALANCES
    evidence = tuple(row for part in checked if (row := cited(*part, topic)).messages)
    moved: list[tuple[str, str, int]] = []
    for path, _ in parts:
        found = mass_moved(path, topic)
        moved = moved + found if topic == PARCELS else found or moved
    net = net_moved(log, moved, {**ACCOUNTS, **(extra_accounts or {})}, site, robot)
    postings = tuple(rounded(net))
    if not postings:
        raise InputError(str(log), read="no mass moved", expected=f"mass on {PARCELS} or {BALANCES}")
    return postings, evidence


def checked_seal(log: Path, envelope: Envelope, policy: Policy) -> Verification:
    """What verifying a log found, which is good.

    Raises:
        InputError: it does not verify.
    """
    found = verify(log, envelope, policy)
    if not found.good:
        failed = [f"{row.name}: {row.why}" for row in found.having("failed")]
        signed = "" if found.trusted else f"signed by {', '.join(found.vouched) or 'nobody who counts'}"
        why = (failed or [signed or found.problem or found.checkpoints.problem])[0]
        raise InputError(str(log), read=f"a log that does not verify ({why})", expected="one that does")
    return found


def cited(log: Path, envelope: Envelope, found: Verification, topic: str) -> Evidence:
    """The verified segments of a topic as evidence; it has no messages where there are none."""
    statement = read_statement(envelope, str(log))
    prefix = f"topic:{topic}#"
    verified = {row.name: row.count for row in found.having("verified") if row.name.startswith(prefix)}
    return Evidence(
        log_sha256=statement.file_sha256,
        seal_sha256=hashlib.sha256(envelope.payload).hexdigest(),
        content_sha256=content_sha256({name: statement.subjects[name].sha256 for name in verified}),
        topic=topic,
        segments=tuple(sorted(int(name.removeprefix(prefix)) for name in verified)),
        messages=sum(verified.values()),
    )


def content_sha256(digests: Mapping[str, str]) -> str:
    """SHA-256 over the lines "name digest" of subjects, sorted."""
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def mass_moved(log: Path, topic: str) -> list[tuple[str, str, int]]:
    """(material, account of the log, micrograms), from every parcel or from the last balance.

    Raises:
        InputError: a message is none of ours, or an amount is negative.
    """
    moved: list[tuple[str, str, int]] = []
    for found in read(log, [topic]):
        message = _message(log, topic, found)
        if topic == PARCELS:
            if message.amount_ug < 0:
                read_ = f"message {found.sequence} with {message.amount_ug} ug"
                raise InputError(str(log), read=read_, expected="0 ug or more", field=topic)
            moved.append((message.material, message.from_account, -message.amount_ug))
            moved.append((message.material, message.to_account, message.amount_ug))
        else:
            rows = zip(message.material, message.account, message.amount_ug, strict=False)
            if not len(message.material) == len(message.account) == len(message.amount_ug):
                read_ = f"message {found.sequence} with lists of different lengths"
                raise InputError(str(log), read=read_, expected="an amount for each account", field=topic)
            moved = list(rows)
    return moved


def net_moved(
    log: Path, moved: Iterable[tuple[str, str, int]], accounts: Mapping[str, str], site: str, robot: str
) -> dict[str, dict[str, int]]:
    """Net micrograms by material and ledger account; they sum to 0 for each material, exactly."""
    net: dict[str, dict[str, int]] = {}
    for material, name, amount in moved:
        if name not in accounts:
            known = ", ".join(accounts)
            remedy = "map it with --account"
            raise InputError(str(log), read=f"account {name!r}", expected=f"one of {known}", remedy=remedy)
        row = net.setdefault(commodity_name(material), {})
        account = accounts[name].replace("{site}", site).replace("{robot}", robot)
        row[account] = row.get(account, 0) + amount
    for material, row in net.items():
        if sum(row.values()):
            read_ = f"{sum(row.values()):+d} ug of {material} from nowhere"
            raise InputError(str(log), read=read_, expected="balances that sum to 0", field=BALANCES)
    return net


def _message(log: Path, topic: str, found: LogMessage) -> Any:
    """The message by our own schema, whatever the log says that it is."""
    name = found.channel.schema.name if found.channel.schema else "no schema"
    try:
        if name != TOPICS[topic].schema:
            raise DecodeError(f"it is {name}")
        return message_class(topic).FromString(found.data)
    except DecodeError as error:
        read_ = f"message {found.sequence}, which is none of ours ({error})"
        raise InputError(str(log), read=read_, expected=TOPICS[topic].schema, field=topic) from None


def rounded(net: Mapping[str, Mapping[str, int]]) -> list[Posting]:
    """Postings in whole milligrams that still sum to 0: what rounding leaves is taken from where the mass came from."""
    postings = []
    for material, row in sorted(net.items()):
        whole = {account: (amount + _UG_PER_MG // 2) // _UG_PER_MG for account, amount in row.items()}
        source = min(row, key=lambda account: (row[account], account))
        whole[source] -= sum(whole.values())
        postings += [
            Posting(account=account, commodity=material, amount_mg=amount, std_mg=_ROUNDING_STD_MG)
            for account, amount in sorted(whole.items())
            if amount
        ]
    return postings


def commodity_name(material: str) -> str:
    """A material's name as a commodity."""
    text = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_.-") else "_" for letter in material)
    return text.lower().lstrip("_.-0123456789")[:64] or "unnamed"
