"""`stope log seal`, `verify`, `redact`, `countersign`, and `stope key`: who vouches for a log. Thin."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stope.cli_log import JsonOption, LogArgument, exists, group, now, told, told_of
from stope.cli_log import app as log_app

key_app = group("Keys and policies: who may vouch for logs.")
KeyOption = Annotated[Path, typer.Option("--key", metavar="FILE", help="Your private key (PEM, Ed25519).")]
SealOption = Annotated[
    Path | None, typer.Option("--seal", metavar="FILE", help="The seal; LOG.seal.json when left out.")
]
PolicyOption = Annotated[Path, typer.Option("--policy", metavar="FILE", help="Organisations, keys and threshold.")]


@log_app.command("seal", epilog="Example:  stope log seal run.mcap --key team.key")
def log_seal(
    log: LogArgument,
    key: KeyOption,
    seal: SealOption = None,
    previous: Annotated[
        Path | None, typer.Option(help="The seal before this one; left out, the newest of this key in the folder.")
    ] = None,
    agreement: Annotated[Path | None, typer.Option(help="The agreement under which the log was made.")] = None,
) -> None:
    """Sign digests of every topic and minute of a log, into a seal beside it; of each part, where it has several."""
    exists(log)
    from stope.tasklog.newfile import write_new
    from stope.tasklog.seal.chain import claims, newest_seal
    from stope.tasklog.seal.dsse import Envelope
    from stope.tasklog.seal.keys import load_private
    from stope.tasklog.seal.statement import PAYLOAD_TYPE, seal_path

    signer = load_private(key)
    for part in map(Path, told_of("log_parts", log) if seal is None else [log]):
        target = seal or seal_path(part)
        said = claims(now(), previous or newest_seal(target.parent, signer.public), agreement)
        payload = told_of("state_log", part, jsonlib.dumps(asdict(said)))  # who reads the log never sees the key
        envelope = Envelope(payload.encode(), PAYLOAD_TYPE).signed(signer)
        write_new(target, envelope.to_json().encode())
        previous = target
        typer.echo(f"{target}: signed by {envelope.signatures[0].keyid[:16]}, number {said.counter} of its chain")


@log_app.command("verify", epilog="Example:  stope log verify run.mcap --policy partners.json")
def log_verify(log: LogArgument, policy: PolicyOption, seal: SealOption = None, json: JsonOption = False) -> None:
    """Check a log against its seal: each part is verified, withheld or failed.

    A log that went on in further files is checked with all of them, each by its own seal. Exit code 0 if nothing failed
    and enough organisations vouch, 1 if not.
    """
    exists(log)
    from stope.tasklog.confined import confined

    by = [str(seal)] if seal is not None else []
    told(confined("stope.tasklog.tasks:verify_log", str(policy), str(log), *by), "good", json)


@log_app.command("redact", epilog="Example:  stope log redact run.mcap --topic /terrain --out shared.mcap")
def log_redact(
    log: LogArgument,
    topic: Annotated[list[str], typer.Option(help="Withhold this topic. Repeat it.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The log to write; it must not exist.")],
) -> None:
    """Leave topics out of a log so that the rest still verifies against the seal."""
    for name, count in told_of("redact_log", log, str(out), *topic).items():
        typer.echo(f"{out}: {count} messages on {name} withheld")
    if further := told_of("log_parts", log)[1:]:
        typer.echo(f"{log} goes on in {len(further)} further files; redact each: {', '.join(further[:3])}", err=True)


@log_app.command("countersign", epilog="Example:  stope log countersign run.mcap --key ours.key --policy partners.json")
def log_countersign(log: LogArgument, key: KeyOption, policy: PolicyOption, seal: SealOption = None) -> None:
    """Check a log against its seal, then add your signature; of each file, where it has several.

    A seal is not signed when something in it has failed.
    """
    exists(log)
    from stope.tasklog.seal.countersign import countersign
    from stope.tasklog.seal.keys import load_private
    from stope.tasklog.seal.statement import seal_path

    signer = load_private(key)
    for part in map(Path, told_of("log_parts", log) if seal is None else [log]):
        where = seal or seal_path(part)
        envelope = countersign(part, where, signer, policy)
        typer.echo(f"{where}: {len(envelope.signatures)} signatures")


@key_app.command("new", epilog="Example:  stope key new team.key")
def key_new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The private key to write.")],
) -> None:
    """Make a key pair, FILE and FILE.pub, and print what a policy needs of it."""
    from stope.tasklog.seal.keys import new_key

    public = new_key(file)
    typer.echo(f"keyid   {public.keyid}\npublic  {public.text}")


@key_app.command("sign-policy", epilog="Example:  stope key sign-policy next.json --key team.key --out next.dsse")
def key_sign_policy(
    policy: Annotated[Path, typer.Argument(metavar="POLICY", help="JSON, or the envelope others have signed.")],
    key: KeyOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The envelope to write; it must not exist.")],
) -> None:
    """Sign a policy with an admin key."""
    exists(policy, "a policy")
    from stope.tasklog.newfile import write_new
    from stope.tasklog.seal.countersign import sign_policy
    from stope.tasklog.seal.keys import load_private

    write_new(out, sign_policy(policy, load_private(key)).to_json().encode())
    typer.echo(str(out))


@key_app.command("accept-policy", epilog="Example:  stope key accept-policy partners.json partners-2.dsse")
def key_accept_policy(
    present: Annotated[Path, typer.Argument(metavar="PRESENT", help="The policy that you trust.")],
    following: Annotated[Path, typer.Argument(metavar="NEXT", help="The signed policy that is to follow it.")],
) -> None:
    """Check that a new policy follows the present one and that enough organisations agree to it."""
    exists(present, "a policy")
    exists(following, "a policy")
    from stope.tasklog.seal.dsse import load_envelope
    from stope.tasklog.seal.policy import accept, load_policy

    found = accept(load_policy(present), load_envelope(following), str(following), now())
    typer.echo(f"{following}: version {found.rules.version} accepted, sha256 {found.sha256}")
