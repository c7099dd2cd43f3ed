"""The library can be found: every subject names what it offers, everything offered says what it is and where from."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import stope.physics as physics

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
