"""Small hostile YAML files and shape models, made here so that each says what is wrong with it.

The tests replay them on every command that reads such files, and a fuzzer begins with them:
`python hostile_files.py FOLDER` writes them as files.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

_CUBE = "".join(f"v {x} {y} {z}\n" for x in (0, 90) for y in (0, 90) for z in (0, 90))
_FACES = "f 1 3 4 2\nf 5 6 8 7\nf 1 2 6 5\nf 3 7 8 4\nf 1 5 7 3\nf 2 4 8 6\n"


def _laughs(levels: int, each: int) -> str:
    """Every level names the one below several times: each ** levels values in a kilobyte."""
    lines = ["a0: &a0 ha"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * each)}]" for n in range(1, levels + 1)]
    return "\n".join(lines)


#: What a mission, a body, a material or an agreement may come as.
YAML_FILES: dict[str, Callable[[], bytes]] = {
    "billion laughs": lambda: _laughs(9, 10).encode(),
    "ladder of aliases": lambda: _laughs(400, 1).encode(),
    "long text, often": lambda: b'a: &a "' + b"x" * 150_000 + b'"\nb: [' + b"*a," * 600 + b"]",
    "long key, often": lambda: b"a: &a {" + b"k" * 9_000 + b": 1}\nb: [" + b"*a," * 400 + b"]",
    "holds itself": lambda: b"a: &a [*a]",
    "deep flow": lambda: b"[" * 3_000,
    "deep block": lambda: b"".join(b" " * n + b"a:\n" for n in range(1000)),
    "deep dashes": lambda: b"- " * 20_000,
    "very many keys": lambda: b"".join(b"k%d: 1\n" % n for n in range(900)),
    "very many faults": lambda: b"tasks: [" + b"{task: drill}," * 300 + b"]",
    "more bytes than a file has": lambda: b"#" * 1_000_001,
    "whole number of a million digits": lambda: b"seed: " + b"9" * 300_000,
    "hexadecimal without end": lambda: b"seed: 0x" + b"f" * 100_000,
    "exponent": lambda: b"seed: 1e999999999",
    "not a number": lambda: b"seed: .nan",
    "python object": lambda: b"!!python/object/apply:os.system ['touch stolen']",
    "python name": lambda: b"name: !!python/name:os.system",
    "python module": lambda: b"tasks: [!!python/module:os {}]",
    "tag without end": lambda: b"name: !" + b"!" * 10_000,
    "binary tag": lambda: b"name: !!binary aGVsbG8=",
    "merge key": lambda: b"a: &a {x: 1}\nb: {<<: *a}",
    "directive": lambda: b"%YAML 99.99\n---\nname: x",
    "directives without end": lambda: b"%A\n" * 4_000,
    "keys that are lists": lambda: b"? [a, b]\n: 1",
    "question marks": lambda: b"? " * 100_000,
    "escape sequences": lambda: b'"\\e]0;stolen\\a\\e[2J": 1',
    "escape sequences in a value": lambda: b'schema_version: "\\e[2J\\r\\nall is well"',
    "half a surrogate": lambda: b'name: "\\ud800"',
    "two documents": lambda: b"name: x\n---\nname: y",
    "nothing": lambda: b"",
    "one value": lambda: b"x",
    "zeros": lambda: bytes(4096),
    "another code page": lambda: "name: é".encode("latin-1"),
    "wide letters": lambda: "name: x".encode("utf-16"),
    "an archive": lambda: b"PK\x03\x04" + bytes(range(1, 200)),
    "a body that climbs": lambda: b"schema_version: 1\nbody: ../../../../../../etc/passwd\nrobot: /dev/zero",
}

#: What a shape model may come as.
OBJ_FILES: dict[str, Callable[[], bytes]] = {
    "corner of a googol": lambda: (_CUBE + f"f 1 2 1{'0' * 100}\n").encode(),
    "corner of many digits": lambda: (_CUBE + f"f 1 2 {'9' * 4000}\n").encode(),
    "corner far back": lambda: (_CUBE + "f 1 2 -9999999999999999999\n").encode(),
    "corner zero and minus one": lambda: (_CUBE + "f 0 -1 -2\n").encode(),
    "not a number": lambda: (_CUBE.replace("90", "nan", 1) + _FACES).encode(),
    "infinity": lambda: (_CUBE.replace("90", "inf", 1) + _FACES).encode(),
    "beyond the floats": lambda: (_CUBE.replace("90", "1e999", 1) + _FACES).encode(),
    "almost beyond the floats": lambda: (_CUBE.replace("90", "1e308") + _FACES).encode(),
    "almost nothing": lambda: (_CUBE.replace("90", "5e-324") + _FACES).encode(),
    "a long line": lambda: b"v " + b"1" * 300_000,
    "a face of thousands": lambda: (_CUBE + "f" + " 1" * 2000 + "\n").encode(),
    "faces without end": lambda: (_CUBE + ("f" + " 1" * 2000 + "\n") * 251).encode(),
    "no vertex": lambda: b"f 1 2 3\n" * 20_000,
    "no face": lambda: _CUBE.encode(),
    "each face twice": lambda: (_CUBE + _FACES * 2).encode(),
    "open": lambda: (_CUBE + _FACES[:20]).encode(),
    "zeros": lambda: bytes(100_000),
    "not text": lambda: bytes(range(256)) * 100,
    "a library that climbs": lambda: b"mtllib ../../../../etc/passwd\nusemtl |touch stolen\ncall x.obj `touch y`\n",
}


def main() -> None:
    """Write the files, for a fuzzer to begin with."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, files in (("yaml", YAML_FILES), ("obj", OBJ_FILES)):
        for name, make in files.items():
            (folder / f"{name.replace(' ', '_').replace(',', '')}.{suffix}").write_bytes(make())


if __name__ == "__main__":
    main()
