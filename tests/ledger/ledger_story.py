"""Two partners, a sealed log and a journal with short commands: what the tests of the shared ledger have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stope.ledger.agreement import load_agreement
from stope.ledger.audit import audit
from stope.ledger.balance import add_up
from stope.ledger.entry import Evidence
from stope.ledger.journal import append, load
from stope.tasklog import RunHeader, TaskLogWriter, new
from stope.tasklog.seal.dsse import Envelope
from stope.tasklog.seal.keys import PrivateKey
from stope.tasklog.seal.policy import Policy
from stope.tasklog.seal.statement import Claims, seal

AT = "2027-01-15T12:00:00Z"


def key(seed: int) -> PrivateKey:
    return PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


KEYS = {"ours": key(1), "theirs": key(2)}
PARCELS = (
    ("ground", "tool", 5_000_000_700),
    ("tool", "bin", 4_800_000_400),
    ("ground", "in_flight", 100_000_200),
    ("in_flight", "fallen_back", 60_000_000),
)
AGREEMENT = """
agreement: north-2027
partners:
  ours: {name: Our lab, country: DE}
  theirs: {name: Their lab, country: KE, developing: true}
rule: floor
weights: {hardware: 1.0, energy: 0.01}
floor_share: 0.2
sites:
  north: {limit_kg: {regolith: 6.0}, ejecta_fraction: 0.05, safety_zone_m: 50.0}
k_sigma: 3.0
"""
#: What a balance or a meter showed, where a test does not care about it.
SEEN = Evidence(log_sha256="1" * 64, seal_sha256="2" * 64, topic="/scale", segments=(0, 1), messages=2)


def write_log(
    path: Path, parcels: tuple[tuple[str, str, int], ...] = PARCELS, *, rotate_s: float | None = None
) -> tuple[Path, Envelope]:
    header = RunHeader("0", 1, "m", "{}", "r", "{}", "", "bennu", "CC-BY-4.0", "t")
    with TaskLogWriter(path, header, start_utc_ns=1_800_000_000_000_000_000, rotate_s=rotate_s) as log:
        for i, (source, target, amount) in enumerate(parcels):
            message = new("MassParcel", from_account=source, to_account=target, amount_ug=amount, material="Regolith")
            log.write("/mass/parcel", message, i * 30_000_000)
        log.write("/log", new("/log", message="done"), 0)
    return path, seal(path, KEYS["ours"], Claims(AT))


class Books:
    """A journal with short commands."""

    def __init__(self, path: Path, policy: Policy) -> None:
        self.path, self.policy = path, policy

    def post(self, kind: str, by: str = "ours", *, signer: str = "", **fields: Any) -> int:
        shown = {"evidence": (SEEN,)} if kind in ("weigh", "contribute") else {}
        whole = {"at": AT, "organisation": by, "kind": kind, **shown, **fields}
        return append(self.path, self.policy, KEYS[signer or by], whole).entry.number

    def amount(self, account: str, commodity: str = "regolith") -> int:
        return add_up(load(self.path, self.policy)).amount(account, commodity)


def examine(books: Books, text: str = AGREEMENT) -> Any:
    file = books.path.with_name("examined.yaml")
    file.write_text(text)
    rules, sha256 = load_agreement(file)
    return audit(load(books.path, books.policy), rules, sha256)
