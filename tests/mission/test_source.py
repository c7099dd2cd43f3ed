"""Reading YAML into models: values, places, sentences."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, model_validator

from stope.mission.errors import InputError
from stope.mission.source import (
    FileModel,
    InputErrors,
    Mismatch,
    apply_overrides,
    find_data,
    read_yaml,
    shipped,
)
from stope.mission.textfile import MAX_BYTES
from stope.mission.yamltree import MAX_DEPTH, MAX_VALUES, parse


class Cut(FileModel):
    task: Literal["cut"]
    depth_m: float = Field(gt=0, le=2)


class Rest(FileModel):
    task: Literal["rest"]
    hold_s: float = 1.0


class Order(FileModel):
    name: str
    count: int = 1
    fast: bool = False
    mode: Literal["normal", "gentle"] = "normal"
    spindle_rad_s: float = 1.0
    axes_m: tuple[float, ...] = ()
    tasks: tuple[Annotated[Cut | Rest, Field(discriminator="task")], ...] = ()

    @model_validator(mode="after")
    def _few(self) -> Order:
        if self.count > 9:
            raise Mismatch(str(self.count), "at most 9", "ask twice", at=("count",))
        return self


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "order.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def error_of(folder: Path, text: str | bytes, overrides: tuple[str, ...] = ()) -> InputError:
    with pytest.raises(InputError) as caught:
        read_yaml(write(folder, text), Order, overrides)
    return caught.value


def test_reads_numbers_as_yaml_1_2_does(tmp_path: Path) -> None:
    order = read_yaml(write(tmp_path, 'name: "on"\nspindle_rad_s: 1e-3\ncount: 7\naxes_m: [012, .5, -2.5E+1]'), Order)
    assert order == Order(name="on", spindle_rad_s=0.001, count=7, axes_m=(12.0, 0.5, -25.0))


@pytest.mark.parametrize("word", ["on", "yes", "1:30", "1_000", "2027-03-01", "0x", "1e", "nano"])
def test_what_yaml_1_1_would_convert_stays_text(tmp_path: Path, word: str) -> None:
    assert read_yaml(write(tmp_path, f"name: {word}"), Order).name == word


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x\ncuont: 2", "2:1: cuont: read the unknown key 'cuont', expected a known one (did you mean 'count'?)"),
        ("name: x\ncount: many", "2:8: count: read 'many', expected a whole number"),
        ("name: x\ncount: 1.5", "2:8: count: read 1.5, expected a whole number"),
        ("name: x\nfast: on", "2:7: fast: read 'on', expected true or false"),
        ("name: x\nspindle_rad_s: true", "2:16: spindle_rad_s: read true, expected a number of radians per second"),
        ("name: 5", "1:7: name: read 5, expected text"),
        ("count: 5", "1:1: name: read nothing, expected the field 'name'"),
        ("name: x\nmode: gentel", "2:7: mode: read 'gentel', expected 'normal' or 'gentle' (did you mean 'gentle'?)"),
        ("name: x\ncount: 10", "2:8: count: read 10, expected at most 9; ask twice"),
        (
            "name: x\naxes_m: [1, '2']",
            "2:13: axes_m.1: read '2', expected a number of metres; write it without quotes, 2",
        ),
        (
            "name: x\ntasks:\n- task: cut\n  depth_m: 40 mm",
            "4:12: tasks.0.depth_m: read '40 mm', expected a number of metres; "
            "write metres as a plain number, 0.04",
        ),
        (
            "name: x\ntasks:\n- task: cut\n  depth_mm: 40",
            "4:3: tasks.0.depth_mm: read the unknown key 'depth_mm', expected a known one (did you mean 'depth_m'?); "
            "it is in metres",
        ),
        (
            "name: x\ntasks:\n- {task: cut, depth_m: 3}",
            "3:24: tasks.0.depth_m: read 3, expected at most 2 metres",
        ),
        (
            "name: x\ntasks:\n- {task: cut}",
            "3:3: tasks.0.depth_m: read nothing, expected the field 'depth_m', in metres",
        ),
        (
            "name: x\ntasks:\n- {task: cutt}",
            "3:10: tasks.0.task: read 'cutt', expected one of cut, rest (did you mean 'cut'?)",
        ),
        (
            "name: x\ntasks: [{}]",
            "2:9: tasks.0: read no 'task', expected the field 'task', which says what the rest means",
        ),
        ("name: x\ntasks: {}", "2:8: tasks: read a mapping, expected a list"),
        ("name: x\nspindle_rad_s: .nan", "2:16: spindle_rad_s: read .nan, expected a finite number"),
        ("name: x\nspindle_rad_s: -.Inf", "2:16: spindle_rad_s: read -.Inf, expected a finite number"),
        ("name: x\nspindle_rad_s: 1e999", "2:16: spindle_rad_s: read 1e999, expected a finite number"),
        ("name: x\nspindle_rad_s: NaN", "2:16: spindle_rad_s: read NaN, expected a finite number"),
        (f"name: x\ncount: {2**63}", f"2:8: count: read the whole number {2**63}, expected one that fits in 64 bits"),
        ("name: x\nname: y", "2:1: read the key 'name' again, expected it once; line 1 has it already"),
        ("name: !!python/object:os.system x", "1:7: name: read the tag tag:yaml.org,2002:python/object:os.system, "
         "expected plain values; remove the tag"),
        ("name: *a", "1:7: name: read the alias *a, expected an anchor that was defined and closed before it"),
        ("<<: {name: x}", "1:1: read a merge key '<<', expected the fields written out; merge keys are not YAML 1.2"),
        ("? [1]\n: 2", "1:3: read a key that is not text, expected a field name"),
        ("name: x\n---\nname: y", "2:1: read a second document ('---'), expected one document a file"),
        ("[name]", "1:1: read a list, expected a mapping of fields ('key: value')"),
    ],
)  # fmt: skip
def test_one_fault_is_one_sentence_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    error = error_of(tmp_path, text)
    assert str(error) == f"{tmp_path}/order.yaml:{sentence}"
    assert not isinstance(error, InputErrors)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "read nothing, expected a mapping"),
        (b"# only a comment\n", "read nothing, expected a mapping"),
        (b"\x7fELF\x00\x01", "read a binary file"),
        (b"name: x\nteam: \xff", ":2: read the byte 0xff, which is not UTF-8"),
        (b"name: \x07", "what is not text"),
        (b"name: [1\n", "while parsing a flow sequence"),
        (b"name:\n\tx: 1\n", ":2:1: read what is not YAML"),
        (b"name: x\n" + b"#" * MAX_BYTES, f"expected at most {MAX_BYTES}"),
    ],
)
def test_files_that_are_not_yaml(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in str(error_of(tmp_path, content))


def test_missing_file_and_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_yaml(tmp_path / "nothing.yaml", Order)
    with pytest.raises(InputError, match="a folder"):
        read_yaml(tmp_path, Order)


def test_all_faults_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    error = error_of(
        tmp_path, "tasks:\n- task: cut\n  depth_m: -1\n- task: rest\n  hold: 2\ncount: x\nname: y\nfats: true"
    )
    assert isinstance(error, InputErrors)
    assert [e.field for e in error.errors] == ["tasks.0.depth_m", "tasks.1.hold", "count", "fats"]
    assert str(error).splitlines() == [str(e) for e in error.errors]
    assert (error.line, error.field) == (3, "tasks.0.depth_m")


def test_a_misspelt_required_key_is_told_once(tmp_path: Path) -> None:
    error = error_of(tmp_path, "nmae: x")
    assert str(error).count("\n") == 0
    assert error.field == "nmae"


def test_a_byte_order_mark_is_not_part_of_the_first_key(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, b"\xef\xbb\xbfname: x"), Order).name == "x"


def test_aliases_are_expanded_and_their_errors_have_a_place(tmp_path: Path) -> None:
    order = read_yaml(write(tmp_path, "name: x\ntasks:\n- &c {task: cut, depth_m: 1}\n- *c"), Order)
    assert order.tasks[0] == order.tasks[1] == Cut(task="cut", depth_m=1.0)
    error = error_of(tmp_path, "name: &n x\ncount: *n")
    assert (error.line, error.column, error.field) == (1, 7, "count")


def test_an_alias_bomb_is_refused_before_it_expands() -> None:
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(InputError, match=f"more than {MAX_VALUES} values"):
        parse("\n".join(lines), "bomb.yaml")


def test_values_are_counted_after_expansion(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &a [1, 2, 3]\nb: *a"  # the mapping, two lists, six numbers
    monkeypatch.setattr("stope.mission.yamltree.MAX_VALUES", 9)
    assert parse(text, "x.yaml").data == {"a": [1, 2, 3], "b": [1, 2, 3]}
    monkeypatch.setattr("stope.mission.yamltree.MAX_VALUES", 8)
    with pytest.raises(InputError, match="more than 8 values"):
        parse(text, "x.yaml")


def test_depth_is_capped_for_flow_and_block_style() -> None:
    for text in ("[" * 5000, "".join(f"{' ' * i}a:\n" for i in range(200))):
        with pytest.raises(InputError, match=f"nested more than {MAX_DEPTH} deep"):
            parse(text, "deep.yaml")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text("abc é:#\"'\n-", max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text("abz_", min_size=1, max_size=6), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("klm", min_size=1, max_size=4), JSON, max_size=4))
def test_json_is_read_as_json_reads_it(value: dict[str, object]) -> None:
    tree = parse(json.dumps(value, ensure_ascii=False), "x.yaml")
    assert tree.data == value
    assert set(tree.keys) <= set(tree.values)


@settings(max_examples=150, deadline=None)
@given(st.text("ab:-[]{}&*!|>'\"#%@`?,. \n\t0189eE+~", max_size=40))
def test_any_text_is_a_tree_or_an_input_error(text: str) -> None:
    with contextlib.suppress(InputError):  # anything else fails
        tree = parse(text, "x.yaml")
        lines = text.splitlines() or [""]
        assert all(1 <= mark.line <= len(lines) + 1 for mark in tree.values.values())


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("tasks.cut.depth_m=0.05", ("tasks", 0, "depth_m"), 0.05),
        ("tasks.1.hold_s=3", ("tasks", 1, "hold_s"), 3),
        ("name=a=b", ("name",), "a=b"),
        ("axes_m=[1, 2]", ("axes_m",), [1, 2]),
        ("site.rock=x", ("site", "rock"), "x"),
        ("count=", ("count",), None),
    ],
)
def test_overrides_replace_one_value(override: str, path: tuple[str | int, ...], value: object) -> None:
    data = {"name": "n", "tasks": [{"task": "cut", "depth_m": 1}, {"task": "rest"}]}
    changed: object = apply_overrides(data, [override])
    for step in path:
        changed = changed[step]
    assert changed == value
    assert data == {"name": "n", "tasks": [{"task": "cut", "depth_m": 1}, {"task": "rest"}]}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("tasks.cut.depth_m=40 mm", "read '40 mm', expected a number of metres; write metres as a plain number, 0.04"),
        ("tasks.cut.depth=1", "the unknown key 'depth', expected a known one (did you mean 'depth_m'?)"),
        ("tasks.ctu.depth_m=1", "'ctu', which tasks has not, expected one of its entries (did you mean 'cut'?)"),
        ("tasks.7.depth_m=1", "entry 7 of tasks, expected 0 to 1"),
        ("cuont=1", "the unknown key 'cuont', expected a known one (did you mean 'count'?)"),
        ("count", "expected path=value"),
        ("=3", "expected path=value"),
        ("name.x=3", "'x' below name"),
        ("count=.nan", "expected a finite number"),
        ("count=99", "read 99, expected at most 9"),
    ],
)
def test_a_wrong_override_names_the_option_and_not_the_file(tmp_path: Path, override: str, words: str) -> None:
    text = "name: x\ntasks:\n- {task: cut, depth_m: 1}\n- {task: rest}"
    error = error_of(tmp_path, text, (override,))
    assert str(error).startswith(f"--set {override}: ") or str(error).startswith(f"--set {override}:1:")
    assert words in str(error)
    assert "order.yaml" not in str(error)


def test_an_override_that_fits_two_entries_asks_for_an_index() -> None:
    with pytest.raises(InputError, match=r"has 2 times, expected an index, \[0, 2\]"):
        apply_overrides({"tasks": [{"task": "cut"}, {"task": "rest"}, {"task": "cut"}]}, ["tasks.cut.depth_m=1"])


def test_every_shipped_name_is_found_and_a_typo_gets_its_neighbour() -> None:
    for kind in ("mission", "body", "material", "robot"):
        assert shipped(kind)
        for name, file in shipped(kind).items():
            assert find_data(kind, name) == file
            assert find_data(kind, str(file)) == file
    assert find_data("bodies", "bennu") == find_data("body", "bennu")
    with pytest.raises(InputError, match=r"did you mean 'bennu'\?"):
        find_data("body", "benu")


def test_a_path_is_a_file_and_never_a_name(tmp_path: Path) -> None:
    (tmp_path / "rock_a.yaml").write_text("x: 1")
    assert find_data("material", "rock_a.yaml", near=tmp_path) == tmp_path / "rock_a.yaml"
    with pytest.raises(InputError, match=r"no such file, expected a material file \(did you mean 'rock_a.yaml'\?\)"):
        find_data("material", tmp_path / "rock_b.yaml")
    with pytest.raises(InputError, match="does not exist either"):
        find_data("material", "no/where/x.yaml", near=tmp_path)


@pytest.mark.parametrize(
    ("field", "written", "si"),
    [
        ("depth_m", "4 cm", 0.04), ("load_n", "1.2 kN", 1200.0), ("ucs_pa", "5 MPa", 5e6), ("hold_s", "2 min", 120.0),
        ("mass_kg", "300g", 0.3), ("spindle_rad_s", "60 rpm", 2 * math.pi), ("tilt_rad", "180 deg", math.pi),
        ("velocity_m_s", "3 cm/s", 0.03), ("density_kg_m3", "1.19 g/cm3", 1190.0), ("depth_m", "0,04", 0.04),
    ],
)  # fmt: skip
def test_the_advice_converts_to_the_unit_of_the_field(field: str, written: str, si: float) -> None:
    from stope.mission.units import advice

    assert float(advice(field, written).rsplit(" ", 1)[1]) == pytest.approx(si, rel=1e-9)


def test_the_advice_never_converts_between_different_quantities() -> None:
    from stope.mission.units import advice

    assert advice("depth_m", "40 N") == "write metres as a plain number"
    assert advice("depth_m", "deep") == "write metres as a plain number"
