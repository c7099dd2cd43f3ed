"""Where the shipped data is, and how a name becomes a file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import stope
from stope.mission.errors import InputError
from stope.mission.explain import suggestion

KINDS = {"mission": "missions", "body": "bodies", "material": "materials", "robot": "robots", "scenario": "scenarios",
         "expedition": "missions/expeditions", "spread": "spreads"}  # fmt: skip


@cache
def data_root() -> Path:
    """`sim_worlds/`: inside an installed wheel, else beside the `src/` of a checkout.

    Raises:
        InputError: neither is there.
    """
    package = Path(stope.__file__).resolve().parent
    for root in (package / "_data" / "sim_worlds", package.parents[1] / "sim_worlds"):
        if root.is_dir():
            return root
    raise InputError(
        str(package), read="an installation without its data", expected="sim_worlds/", remedy="install stope again"
    )


def shipped(kind: str) -> dict[str, Path]:
    """Name -> file of all shipped data of a kind ("body" or "bodies", ...), sorted by name.

    A robot is a folder, because its URDF lies beside its `robot.yaml`.
    """
    folder = data_root() / _folder(kind)
    found = {file.stem: file for file in folder.glob("*.yaml")}
    found |= {file.parent.name: file for file in folder.glob("*/robot.yaml")}
    return dict(sorted(found.items()))


def find_data(kind: str, name_or_path: str | Path, near: Path | None = None) -> Path:
    """File of the shipped `kind` called so, or the file itself when a slash or a suffix says that it is a path.

    Args:
        kind: "mission", "body", "material", "robot" or "scenario"; the plural is understood too.
        near: folder that a relative path starts from; the working directory when None.

    Raises:
        InputError: no such name (with the nearest shipped one) or no such file.
    """
    text = str(name_or_path)
    noun = _noun(kind)
    if is_path(text):
        file = (near / text) if near is not None else Path(text)
        if file.is_dir() and (file / "robot.yaml").is_file():
            file = file / "robot.yaml"
        if not file.is_file():
            if file.is_dir():
                raise InputError(str(file), read="a folder", expected=f"a {noun} file")
            raise InputError(str(file), read="no such file", expected=f"a {noun} file" + _beside(file))
        return file
    known = shipped(kind)
    if text not in known:
        raise InputError(
            f"{noun} '{text}'",
            read="no shipped file of this name",
            expected=f"a shipped {noun}{suggestion(text, known)} or the path of a file",
        )
    return known[text]


def is_path(name_or_path: str) -> bool:
    """Whether this says a file (it has a slash or a suffix) and not the name of shipped data."""
    return "/" in name_or_path or "\\" in name_or_path or Path(name_or_path).suffix != ""


def _beside(file: Path) -> str:
    if not file.parent.is_dir():
        return f"; the folder {file.parent} does not exist either"
    return suggestion(file.name, sorted(other.name for other in file.parent.glob(f"*{file.suffix}"))[:50])


def _folder(kind: str) -> str:
    return KINDS.get(kind, kind if kind in KINDS.values() else f"{kind}s")


def _noun(kind: str) -> str:
    return next((noun for noun, folder in KINDS.items() if folder == kind), kind)
