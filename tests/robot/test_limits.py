"""Host limits: nothing beyond a limit and no NaN ever leaves, whatever is asked."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stope.mission.shipped import find_data
from stope.robot.limits import enforce
from stope.robot.messages import Command, CommandRefusedError
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot

MINER = load_robot(find_data("robot", "miner"))
RIG = load_robot(find_data("robot", "bench_rig"))
FLOATS = ("joint_position", "joint_velocity", "joint_effort", "joint_effort_limit", "thrust_n")


def lengths(model: RobotModel) -> dict[str, int]:
    return dict.fromkeys(FLOATS, len(model.joints)) | {"thrust_n": len(model.thrusters)}


def quiet(model: RobotModel, **changed: np.ndarray) -> Command:
    """A command that no limit touches, with `changed` fields."""
    n = len(model.joints)
    fields = {
        "joint_mode": np.zeros(n, np.int8),
        "joint_position": np.array(model.stance),
        "joint_velocity": np.zeros(n),
        "joint_effort": np.zeros(n),
        "joint_effort_limit": model.effort_max.copy(),
        "anchor_action": np.zeros(len(model.limbs), np.int8),
        "thrust_n": np.zeros(len(model.thrusters)),
    }
    return Command(seq=7, valid_until_us=100_000, release_confirm=-1, **(fields | changed))


@st.composite
def commands(draw: st.DrawFn, numbers: st.SearchStrategy[float]) -> tuple[RobotModel, Command]:
    model = draw(st.sampled_from([MINER, RIG]))
    return model, quiet(model, **{
        name: draw(hnp.arrays(np.float64, length, elements=numbers)) for name, length in lengths(model).items()
    })  # fmt: skip


anything = st.floats(allow_nan=True, allow_infinity=True)
finite = st.one_of(st.floats(-200, 200), st.floats(allow_nan=False, allow_infinity=False))


@given(commands(anything))
@settings(max_examples=60, deadline=None)
def test_nan_and_infinity_never_pass(pair: tuple[RobotModel, Command]) -> None:
    model, command = pair
    clean = all(np.isfinite(getattr(command, name)).all() for name in FLOATS)
    if not clean:
        with pytest.raises(CommandRefusedError):
            enforce(command, model)
        return
    sent = enforce(command, model).command
    assert all(np.isfinite(getattr(sent, name)).all() for name in FLOATS)


@given(commands(finite))
@settings(max_examples=60, deadline=None)
def test_what_is_sent_is_inside_every_limit(pair: tuple[RobotModel, Command]) -> None:
    model, command = pair
    sent = enforce(command, model).command
    assert (sent.joint_position >= model.position_min).all()
    assert (sent.joint_position <= model.position_max).all()
    assert (np.abs(sent.joint_velocity) <= model.velocity_max).all()
    assert (sent.joint_effort_limit >= 0).all()
    assert (sent.joint_effort_limit <= model.effort_max).all()
    assert (np.abs(sent.joint_effort) <= sent.joint_effort_limit).all()
    assert (sent.thrust_n >= 0).all()
    assert (sent.thrust_n <= [t.max_n for t in model.thrusters]).all()


@given(commands(finite))
@settings(max_examples=60, deadline=None)
def test_enforcing_twice_changes_nothing_more(pair: tuple[RobotModel, Command]) -> None:
    model, command = pair
    once = enforce(command, model)
    twice = enforce(once.command, model)
    assert twice.limited == ()
    for name in FLOATS:
        assert np.array_equal(getattr(once.command, name), getattr(twice.command, name))


@given(commands(finite))
@settings(max_examples=60, deadline=None)
def test_every_change_is_named_and_nothing_else(pair: tuple[RobotModel, Command]) -> None:
    model, command = pair
    sent = enforce(command, model)
    changed = set()
    for name in FLOATS:
        owners = model.thrusters if name == "thrust_n" else model.joints
        for i in np.flatnonzero(getattr(sent.command, name) != getattr(command, name)):
            changed.add(f"{name}:{owners[i].name}")
    assert set(sent.limited) == changed
    assert len(sent.limited) == len(changed)


@pytest.mark.parametrize("model", [MINER, RIG], ids=lambda model: model.name)
def test_a_lawful_command_goes_out_untouched(model: RobotModel) -> None:
    command = quiet(model)
    sent = enforce(command, model)
    assert sent.limited == ()
    assert sent.seq == command.seq
    for field in dataclasses.fields(command):
        assert np.array_equal(getattr(sent.command, field.name), getattr(command, field.name))


def test_the_commands_own_effort_limit_bounds_its_effort() -> None:
    feed = MINER.joint("drill_feed")
    limit, effort = MINER.effort_max.copy(), np.zeros(16)
    limit[feed], effort[feed] = 23.0, 80.0
    sent = enforce(quiet(MINER, joint_effort_limit=limit, joint_effort=effort), MINER)
    assert sent.command.joint_effort[feed] == 23.0
    assert sent.limited == ("joint_effort:drill_feed",)


@pytest.mark.parametrize("name", [*FLOATS, "joint_mode", "anchor_action"])
@pytest.mark.parametrize("extra", [-1, 1])
def test_a_wrong_length_is_refused(name: str, extra: int) -> None:
    good = getattr(quiet(MINER), name)
    with pytest.raises(CommandRefusedError, match=name):
        enforce(quiet(MINER, **{name: np.resize(good, len(good) + extra)}), MINER)


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", FLOATS)
def test_one_poisoned_number_refuses_the_whole_command(name: str, poison: float) -> None:
    bad = getattr(quiet(MINER), name).copy()
    bad[-1] = poison
    with pytest.raises(CommandRefusedError, match=name):
        enforce(quiet(MINER, **{name: bad}), MINER)
