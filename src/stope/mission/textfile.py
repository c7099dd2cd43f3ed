"""A YAML file's text: a plain file of bounded size in UTF-8, or one sentence."""

from __future__ import annotations

import stat
from pathlib import Path

from stope.mission.errors import InputError

MAX_BYTES = 1_000_000  #: the largest shipped file is 5 kB


def read_text(path: Path) -> str:
    """All of it, without its byte order mark.

    Raises:
        InputError: missing, not a file, too large, binary or not UTF-8.
    """
    file = str(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(file, read="a folder" if path.is_dir() else "a device", expected="a YAML file")
        if status.st_size > MAX_BYTES:
            raise InputError(file, read=f"{status.st_size} bytes", expected=f"at most {MAX_BYTES}")
        with path.open("rb") as handle:
            raw = handle.read(MAX_BYTES + 1)  # it may have grown
    except FileNotFoundError:
        raise InputError(file, read="no such file", expected="a YAML file") from None
    except OSError as error:
        raise InputError(file, read=f"an error ({error.strerror})", expected="a readable file") from error
    if len(raw) > MAX_BYTES:
        raise InputError(file, read=f"more than {MAX_BYTES} bytes", expected=f"at most {MAX_BYTES}")
    if b"\0" in raw:
        raise InputError(file, read="a binary file", expected="YAML in UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        read = f"the byte 0x{raw[error.start]:02x}, which is not UTF-8"
        raise InputError(file, read=read, expected="YAML in UTF-8", line=line) from error
