"""Push, pull, verify: logs and their seals to and from a store."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stope.tasklog.confined import confined
from stope.tasklog.errors import TaskLogError
from stope.tasklog.exchange.commits import Commit, claim, commits, first_commit, object_path
from stope.tasklog.exchange.store import Store
from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.newfile import made_folder, new_file
from stope.tasklog.parts import first_of, part_path

_MAX_SEAL = 64 * 1024 * 1024
_AT_ONCE = 50
_STATE = ".stope-share.json"
Wanted = Callable[[dict[str, Any]], bool]


@dataclass(slots=True)
class Pushed:
    """What a push did."""

    commit: int = 0
    uploaded: int = 0
    present: int = 0
    skipped: list[str] = field(default_factory=list)


def push(store: Store, logs: Sequence[Path], at: str) -> Pushed:
    """Upload logs and the seals beside them (`LOG.seal.json`), then make one commit that names them.

    A log takes the parts that it went on in along; their rows say of which file they are which part.
    Objects come first, so a kill leaves at most objects that no commit names; the next push finds them there.

    Raises:
        TaskLogError: a log cannot be read, or the store cannot be written.
    """
    done, rows, newest = Pushed(), [], None
    known: set[tuple[str, tuple[str, ...]]] = set()
    for found in commits(store):
        newest = found
        known |= {(row["sha256"], tuple(row.get("seals", ()))) for row in found.logs}
    for log, row in _described(logs):
        seal = log.with_name(log.name + ".seal.json")
        row["seals"] = [_upload_seal(store, seal)] if seal.is_file() else []
        if (row["sha256"], tuple(row["seals"])) in known:
            done.skipped.append(log.name)
            continue
        created = store.create(object_path(row["sha256"]), log)
        if created and file_sha256(log) != row["sha256"]:
            raise TaskLogError(f"{log}: was changed while it was pushed; push it when nobody writes to it any more")
        done.uploaded += created
        done.present += not created
        rows.append(row)
    if rows:
        done.commit = claim(store, rows, at, newest).number
    return done


def _described(logs: Sequence[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each file with its catalogue row, read some at a time in a process with limits: starting one costs most of it."""
    firsts_first = sorted(logs, key=lambda log: first_of(log) != log)  # else a part would come without its place
    seen: set[str] = set()
    for begin in range(0, len(logs), _AT_ONCE):
        batch = [str(log) for log in firsts_first[begin : begin + _AT_ONCE] if str(log) not in seen]
        for path, row in confined("stope.tasklog.tasks:catalogue_rows", *batch) if batch else ():
            if path not in seen:
                seen.add(path)
                yield Path(path), row


@dataclass(slots=True)
class Pulled:
    """What a pull did: logs that were taken, and those that were refused, with the reason.

    Attributes:
        resealed: logs that were here already and whose seal has gained signatures.
    """

    taken: list[Path] = field(default_factory=list)
    resealed: list[Path] = field(default_factory=list)
    present: int = 0
    refused: list[str] = field(default_factory=list)
    head: int = 0


def pull(store: Store, folder: Path, *, policy: Path | None = None, wanted: Wanted | None = None) -> Pulled:
    """Fetch what is new since the last pull into `folder`; each log is checked against its digest, and its seal too
    where a policy is given, before it takes its name.

    Raises:
        TaskLogError: nothing was pushed there, history was rewritten since the last pull, or something cannot be read
            or written.
    """
    if policy is not None:
        from stope.tasklog.seal.policy import load_policy

        load_policy(policy)  # each log is verified in a child, which would say so of each
    made_folder(folder)
    number, digest = _state(folder)
    result = Pulled(head=number)
    for commit in _since(store, number, digest):
        for row in commit.logs:
            if wanted is None or wanted(row):
                _take(store, folder, row, policy, result)
        if wanted is None and not result.refused:  # else the next pull looks at it again
            _save_state(folder, commit)
        result.head = commit.number
    if not result.head:
        first_commit(store)
    return result


def verify_store(store: Store) -> list[str]:
    """Read everything: what is wrong with it, in sentences; empty when nothing is.

    Raises:
        TaskLogError: history was rewritten, or the store cannot be read.
    """
    problems = []
    checked: set[str] = set()
    for commit in commits(store):
        for row in commit.logs:
            for digest in (row["sha256"], *row.get("seals", ())):
                if digest not in checked:
                    checked.add(digest)
                    found = hashlib.sha256()
                    for part in store.parts(object_path(digest)):
                        found.update(part)
                    if found.hexdigest() != digest:
                        problems.append(
                            f"commit {commit.number}: {row['name']}: object {digest[:16]} is not there or wrong"
                        )
    return problems


def catalogue(store: Store) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows for tables `logs` and `topics`, of all commits.

    Raises:
        TaskLogError: the store cannot be read.
    """
    logs: dict[str, dict[str, Any]] = {}
    topics: list[dict[str, Any]] = []
    for commit in commits(store):
        for row in commit.logs:
            if row["sha256"] not in logs:
                topics += [
                    {"sha256": row["sha256"], **topic} for topic in row.get("topics", ()) if isinstance(topic, dict)
                ]
            plain = {key: value for key, value in row.items() if not isinstance(value, list | dict)}
            logs[row["sha256"]] = {**plain, "commit": commit.number, "seals": len(row.get("seals", ()))}
    return list(logs.values()), topics


def local_name(row: dict[str, Any]) -> str:
    """A file name for a log, of harmless letters and its digest, or its first part's and a number; never a path."""
    whole = first_of(Path(str(row["name"]).replace("/", "_"))).name if "part" in row else str(row["name"])
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", whole.removesuffix(".mcap")).strip("_-")[:60] or "log"
    first = Path(f"{stem}-{row.get('first', row['sha256'])[:12]}.mcap")
    return part_path(first, row["part"]).name if "part" in row else first.name


def _since(store: Store, number: int, digest: str) -> Iterator[Commit]:
    if number:  # the commit that we saw last must still be the one that it was
        seen = next(commits(store, number - 1), None)
        if seen is None or seen.sha256 != digest:
            raise TaskLogError(
                f"{store.where}: commit {number} is not what it was at the last pull: history was rewritten"
            )
    return commits(store, number, digest)


def _take(store: Store, folder: Path, row: dict[str, Any], policy: Path | None, result: Pulled) -> None:
    target = folder / local_name(row)
    if target.exists():
        if "part" in row and file_sha256(target) != row["sha256"]:  # a part's name does not hold its own digest
            result.refused.append(f"{target.name}: another file is there in the place of this part")
            return
        result.present += 1
        _take_seal(store, target, row, result)
        return
    draft = folder / f".{row['sha256']}.fetched"
    seal = draft.with_name(draft.name + ".seal.json")
    draft.unlink(missing_ok=True)
    seal.unlink(missing_ok=True)
    try:
        _fetch(store, row["sha256"], draft, row["size"])
        if row.get("seals"):
            _fetch(store, row["seals"][-1], seal, _MAX_SEAL)
        if policy is not None:
            if not row.get("seals"):
                raise TaskLogError("it has no seal")
            [found] = confined("stope.tasklog.tasks:verify_log", str(policy), str(draft), str(seal))["parts"]
            if not found["good"]:
                failed = [f"{s['name']}: {s['why']}" for s in found["subjects"] if s["state"] == "failed"]
                raise TaskLogError((failed or [found["problem"] or "too few organisations vouch for it"])[0])
        if seal.exists():
            seal.rename(target.with_name(target.name + ".seal.json"))
        draft.rename(target)
        result.taken.append(target)
    except TaskLogError as error:
        result.refused.append(f"{local_name(row)}: {error}")
    finally:
        draft.unlink(missing_ok=True)
        seal.unlink(missing_ok=True)


def _take_seal(store: Store, target: Path, row: dict[str, Any], result: Pulled) -> None:
    """A seal that was countersigned since takes the place of ours: the same statement, all signatures kept."""
    seal = target.with_name(target.name + ".seal.json")
    if not row.get("seals") or not seal.is_file() or file_sha256(seal) == row["seals"][-1]:
        return
    from stope.tasklog.seal.dsse import load_envelope

    draft = target.with_name(f".{row['sha256']}.fetched.seal.json")
    draft.unlink(missing_ok=True)
    try:
        _fetch(store, row["seals"][-1], draft, _MAX_SEAL)
        here, there = load_envelope(seal), load_envelope(draft)
        if here.payload == there.payload and set(here.signatures) < set(there.signatures):
            draft.replace(seal)
            result.resealed.append(target)
    except TaskLogError as error:
        result.refused.append(f"{seal.name}: {error}")
    finally:
        draft.unlink(missing_ok=True)


def _fetch(store: Store, digest: str, target: Path, limit: int) -> None:
    found, size = hashlib.sha256(), 0
    free = shutil.disk_usage(target.parent).free
    if limit > free and limit != _MAX_SEAL:
        raise TaskLogError(f"object {digest[:16]} is of {limit} bytes, and {free} are free on this disk")
    with new_file(target) as file:
        for part in store.parts(object_path(digest)):
            size += len(part)
            if size > limit:
                raise TaskLogError(f"object {digest[:16]} is larger than the {limit} bytes that were declared")
            found.update(part)
            file.write(part)
        if found.hexdigest() != digest:
            raise TaskLogError(f"object {digest[:16]} is {'not there' if not size else 'not what its name says'}")


def _upload_seal(store: Store, seal: Path) -> str:
    try:
        data = seal.read_bytes()
    except OSError as error:
        raise TaskLogError(f"{seal}: cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(data).hexdigest()
    store.create(object_path(digest), data)
    return digest


def _state(folder: Path) -> tuple[int, str]:
    try:
        plain = json.loads((folder / _STATE).read_text())
        return int(plain["number"]), str(plain["sha256"])
    except FileNotFoundError:
        return 0, ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TaskLogError(f"{folder / _STATE}: cannot be read: {error}; delete it to begin anew") from error


def _save_state(folder: Path, commit: Commit) -> None:
    draft = folder / f"{_STATE}.new"
    draft.write_text(json.dumps({"number": commit.number, "sha256": commit.sha256}))
    draft.replace(folder / _STATE)
