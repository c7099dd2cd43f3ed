"""Robots with another controller than our firmware: each adapter is found by its entry point in `stope.robots`.

An entry point names a function `(model, address, run_clock) -> Robot`. `model` is robot.yaml as read, `address` what
stands behind the colon in `--robot NAME:ADDRESS`, `run_clock` the clock that the robot's `wait` must move. The function
opens nothing; `Robot.connect` does.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from stope.clock import RunClock
from stope.robot.model import RobotModel
from stope.robot.seam import Robot

GROUP = "stope.robots"


class Adapter(Protocol):
    """What an entry point of the group names."""

    def __call__(self, model: RobotModel, address: str, run_clock: RunClock | None = None) -> Robot:
        """A robot that is not connected yet; raises InputError for an address that it cannot use."""


class AdapterError(LookupError):
    """No such adapter, two of one name, or one that cannot be loaded; says what there is."""


def names() -> list[str]:
    """Installed adapters, sorted."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def find(name: str) -> Adapter:
    """The installed adapter called `name`.

    Raises:
        AdapterError: none, several from different packages, or one whose module cannot be imported.
    """
    found: dict[str, EntryPoint] = {point.value: point for point in entry_points(group=GROUP) if point.name == name}
    if not found:
        raise AdapterError(
            f"no robot adapter '{name}' is installed ({', '.join(names()) or 'there is none'}): install the package "
            f"that has it, with an entry point in '{GROUP}'"
        )
    if len(found) > 1:
        raise AdapterError(f"robot adapter '{name}' comes from several packages ({', '.join(found)}): uninstall one")
    (point,) = found.values()
    try:
        adapter: Adapter = point.load()
    except (ImportError, AttributeError) as error:
        raise AdapterError(f"robot adapter '{name}' ({point.value}) cannot be loaded: {error}") from error
    return adapter
