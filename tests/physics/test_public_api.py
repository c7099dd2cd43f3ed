"""The library can be found: every subject names what it offers, everything offered says what it is and where from."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import stope.physics as physics
from stope.physics import anchoring, drilling, ejecta

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "python" / "physics.md"


@pytest.mark.parametrize("subject", physics.__all__)
def test_a_subject_names_what_it_offers(subject: str) -> None:
    module = getattr(physics, subject)
    assert module is importlib.import_module(f"stope.physics.{subject}")
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            assert inspect.getdoc(thing), f"{subject}.{name} has no docstring"


@pytest.mark.parametrize("subject", physics.__all__)
def test_no_public_function_is_left_out(subject: str) -> None:
    module = getattr(physics, subject)
    parts = [module]
    if hasattr(module, "__path__"):
        parts = [
            importlib.import_module(f"{module.__name__}.{info.name}") for info in pkgutil.iter_modules(module.__path__)
        ]
    for part in parts:
        if part.__name__.endswith(".kernel"):
            continue  # compiled insides of the polyhedron
        made_here = {
            name
            for name, thing in vars(part).items()
            if not name.startswith("_") and getattr(thing, "__module__", "") == part.__name__
            and (inspect.isfunction(thing) or inspect.isclass(thing))
        }  # fmt: skip
        assert made_here <= set(module.__all__), part.__name__


def test_subjects_are_found_and_strangers_are_not() -> None:
    on_disk = {info.name for info in pkgutil.iter_modules(physics.__path__)}
    assert set(physics.__all__) == on_disk
    assert set(physics.__all__) <= set(dir(physics))
    with pytest.raises(AttributeError, match="alchemy"):
        _ = physics.alchemy


def test_the_reference_page_has_every_module() -> None:
    stated = set(re.findall(r"^::: (\S+)", PAGE.read_text(), flags=re.MULTILINE))
    modules = {info.name for info in pkgutil.walk_packages(physics.__path__, "stope.physics.") if not info.ispkg}
    assert stated == modules - {"stope.physics.gravity.kernel"}


def test_importing_the_library_compiles_nothing() -> None:
    """The compiled subjects take a second; who does not name them does not wait for them."""
    code = "import sys, stope.physics; print('numba' in sys.modules, 'numpy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: ejecta.escapes(float("nan"), 0.2),
        lambda: ejecta.escapes(0.1, float("nan")),
        lambda: drilling.choke_ratio(5e-4, float("nan"), 2.0, 2e-4, 0.01),
        lambda: drilling.choke_ratio(5e-4, 1e-3, float("nan"), 2e-4, 0.01),
    ],
)
def test_nan_never_becomes_an_answer(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"expected|must be"):
        call()


@pytest.mark.parametrize("which", range(5))
def test_an_unknown_load_or_strength_is_never_a_load_that_holds(which: int) -> None:
    arguments = [10.0, 5.0, 130.0, 140.0, 0.6]
    arguments[which] = float("nan")
    assert not anchoring.utilisation(*arguments) <= 1.0
