"""RO-Crate: a folder that an archive understands, with licence, authors, instrument and how the log came to be.

Written by hand (RO-Crate 1.1, w3id.org/ro/crate/1.1): it is one JSON-LD file, and the tests read it with rocrate.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stope.tasklog.errors import TaskLogError
from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.info import LogInfo, describe_parts
from stope.tasklog.parts import parts_of

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
CONFORMS = "https://w3id.org/ro/crate/1.1"
_SPDX = "https://spdx.org/licenses/"
METADATA = "ro-crate-metadata.json"


def pack(log: Path, folder: Path, *, authors: Sequence[str], organisation: str = "", published: str = "") -> list[Path]:
    """Copy the log, its further parts and their seals (LOG.seal.json) into a new folder and describe them.

    Args:
        log: a whole log, or the first part of one.
        folder: must not exist.
        authors: names.
        organisation: the team's ROR identifier, a URL; empty where it has none.
        published: ISO date.

    Raises:
        TaskLogError: the folder exists or cannot be written, or the log is not whole or has no header or licence.
    """
    info = describe_parts(log)
    header = info.header
    if not info.complete or header is None:
        raise TaskLogError(f"{log}: {info.problem or 'it has no run header'}; only a whole log is packed")
    if not header.licence:
        raise TaskLogError(f"{log}: run header: read no licence, expected an SPDX identifier")
    parts = parts_of(log)
    sources = [*parts, *(seal for part in parts if (seal := part.with_name(part.name + ".seal.json")).is_file())]
    draft = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        if folder.exists():
            raise TaskLogError(f"{folder}: exists; nothing is overwritten, choose another name")
        draft.mkdir(parents=True)
        for source in sources:
            shutil.copyfile(source, draft / source.name)
        graph = _graph(info, [draft / source.name for source in sources], authors, organisation, published)
        text = json.dumps({"@context": CONTEXT, "@graph": graph}, indent=2, ensure_ascii=False)
        (draft / METADATA).write_text(text, encoding="utf-8")
        draft.rename(folder)
    except OSError as error:
        raise TaskLogError(f"{folder}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return [folder / name for name in (METADATA, *(source.name for source in sources))]


def _graph(
    info: LogInfo, files: Sequence[Path], authors: Sequence[str], organisation: str, published: str
) -> list[dict[str, Any]]:
    header = info.header
    assert header is not None  # checked by pack
    licence, team = f"{_SPDX}{header.licence}", organisation or "#team"
    people = [{"@id": f"#author-{number}", "@type": "Person", "name": name} for number, name in enumerate(authors, 1)]
    software = {"@id": "#software", "@type": "SoftwareApplication", "name": "stope", "version": header.stope_version}
    return [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": CONFORMS},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"{header.mission} on {header.body}",
            "description": f"Task log of robot {header.robot}, {info.messages} messages, {info.duration_s:.1f} s",
            "license": {"@id": licence},
            "datePublished": published,
            "author": [{"@id": row["@id"]} for row in people] or [{"@id": team}],
            "publisher": {"@id": team},
            "hasPart": [{"@id": quote(file.name)} for file in files],
            "mentions": {"@id": "#run"},
        },
        *(_file(file, licence) for file in files),
        {
            "@id": "#run",
            "@type": "CreateAction",
            "name": f"run of mission {header.mission}, seed {header.seed}",
            "startTime": info.start_utc,
            "agent": {"@id": team},
            "instrument": [{"@id": "#robot"}, {"@id": "#software"}],
            "result": [{"@id": quote(file.name)} for file in files],
        },
        {"@id": "#robot", "@type": "IndividualProduct", "name": header.robot},
        software,
        {"@id": team, "@type": "Organization", "name": header.team},
        {"@id": licence, "@type": "CreativeWork", "name": header.licence},
        *people,
    ]


def _file(file: Path, licence: str) -> dict[str, Any]:
    is_log = file.suffix == ".mcap"
    return {
        "@id": quote(file.name),
        "@type": "File",
        "name": file.name,
        "contentSize": str(file.stat().st_size),
        "encodingFormat": "application/vnd.mcap" if is_log else "application/vnd.in-toto+json",
        "license": {"@id": licence},
        "sha256": file_sha256(file),
    }
