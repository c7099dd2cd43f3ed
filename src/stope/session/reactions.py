"""Does the ground do to the feet what the wrench distribution plans? Simulation only: it looks at truth.

What the roll-outs of `stope.validation.detachments` take for granted is that an anchor carries what it was given to
carry. Here a whole robot drills in PyBullet, and the true pull at each foot is held against the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stope.session.build import Run, build
from stope.session.loop import run_loop
from stope.session.request import RunRequest

PRESSED_SHARE = 0.9  # of the weight on bit that was asked for, before anything is compared
EVERY = 20
SAMPLES = 40


class _EnoughSeenError(Exception):
    """Enough was compared."""


@dataclass(frozen=True, slots=True)
class Reactions:
    """One run.

    Attributes:
        samples: moments that were compared.
        total_ratio: true over planned pull of all feet together.
        worst_excess_n: largest excess of one foot's true pull, averaged over the run, over its planned pull.
        let_go: anchors that were lost.
    """

    samples: int
    total_ratio: float
    worst_excess_n: float
    let_go: int


def compare_reactions(seed: int, mission: str = "bennu_core") -> Reactions:
    """Drill with this seed until `SAMPLES` moments under full weight on bit were compared.

    Raises:
        RuntimeError: the run never drilled under full weight.
    """
    run = build(RunRequest(mission, seed=seed, overrides=("tasks.drill.depth_m=0.05",)))
    look = _Look(run)
    try:
        run_loop(run, [look], lambda _found: None)
    except _EnoughSeenError:
        pass
    finally:
        run.robot.close()
    if not look.true_n:
        raise RuntimeError(f"seed {seed}: the bit was never under full weight")
    true, planned = np.mean(look.true_n, axis=0), np.mean(look.planned_n, axis=0)
    lost = len(true) - int(run.stack.belief.state.tolist().count(1))
    return Reactions(len(look.true_n), float(true.sum() / planned.sum()), float((true - planned).max()), lost)


class _Look:
    """Compares plan and truth at moments when the drill presses."""

    def __init__(self, run: Run) -> None:
        assert run.plant is not None
        self._stack, self._feet = run.stack, run.plant.footing.state
        self._count = 0
        self.true_n: list[np.ndarray] = []
        self.planned_n: list[np.ndarray] = []

    def __call__(self, tick: Any, _sent: object, _executive: object) -> None:
        """After each control tick."""
        asked = float(tick.goal.tool_wrench[2])
        self._count += 1
        pressed = asked > 5.0 and abs(tick.view.obs.weight_on_bit_n - asked) < (1.0 - PRESSED_SHARE) * asked
        if not pressed or tick.goal.feed_push_n <= 0.0 or self._count % EVERY:
            return
        self.true_n.append((self._feet.pull_n - self._feet.press_n).copy())
        self.planned_n.append(-self._stack.planned_force_n[:, 2])
        if len(self.true_n) >= SAMPLES:
            raise _EnoughSeenError
