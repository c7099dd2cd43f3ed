"""Keeper: a watcher of the loop that writes the checkpoint, and compares with one where a run is played again."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from stope.control.drilling import DrillController
from stope.control.stack import Tick
from stope.executive.activity import Transition
from stope.executive.checkpoint import FILE, Checkpoint, Facts, write_checkpoint
from stope.executive.tree import Executive
from stope.mission.errors import InputError
from stope.robot.messages import Sent
from stope.session.build import Run

LOOK_US = 5_000_000  # between checkpoints in which nothing but time has passed


class Keeper:
    """Writes a checkpoint at each transition and every five seconds of run time.

    A simulated run goes on by being played again from its start: same seed, same orders at the same times. Each
    transition up to the checkpoint must then come again, to the microsecond.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._folder = run, run.request.out
        self._transitions: list[Transition] = []
        self._again = list(run.resumed.transitions) if run.resumed is not None else []
        if run.plant is None:
            self._transitions, self._again = self._again, []
        self._due_us = 0

    def __call__(self, tick: Tick, _sent: Sent, executive: Executive) -> None:
        """One control tick."""
        self._note_collar(executive)
        if executive.desk.news or tick.view.obs.time_us >= self._due_us:
            self.keep(tick, executive)

    def keep(self, tick: Tick, executive: Executive) -> None:
        """Compare and write."""
        new = executive.desk.news
        for change in new:
            if self._again and change != (expected := self._again.pop(0)):
                raise InputError(
                    "--resume", read=f"'{change.task} {change.state}' at {change.time_us} us",
                    expected=f"what the first run did, '{expected.task} {expected.state}' at {expected.time_us} us",
                    remedy="this is another machine, or something changed since: begin the mission anew",
                )  # fmt: skip
        self._transitions += new
        self._due_us = tick.view.obs.time_us + LOOK_US
        if not self._again:
            write_checkpoint(self._checkpoint(tick, executive), self._folder)

    def done(self) -> None:
        """The mission has ended: there is nothing to go on with."""
        (self._folder / FILE).unlink(missing_ok=True)

    def _checkpoint(self, tick: Tick, executive: Executive) -> Checkpoint:
        run, estimate = self._run, tick.view.estimate
        running, controller = executive.desk.running, executive.desk.controller
        activities = [replace(each, memory=dict(each.memory)) for each in executive.activities]
        if running is not None and controller is not None and running.index >= 0:
            activities[running.index].depth_m = running.before_m + controller.progress.depth_m
        x, y, z = estimate.position_m.tolist()
        return Checkpoint.model_construct(
            schema_="stope.checkpoint/1",
            request=plain_request(run),
            mission_sha256=str(run.resolved["sha256"]),
            time_us=run.clock.now_us,
            transitions=tuple(self._transitions),
            orders=tuple(answer.order for answer in executive.desk.operator.answers),
            orders_read=run.orders.read,
            activities=tuple(activities),
            facts=Facts(
                position_m=(x, y, z),
                rotation=tuple(estimate.rotation.ravel().tolist()),
                anchored=tuple(tick.view.anchored.tolist()),
                evidence=tick.view.belief.evidence(),
            ),
        )

    def _note_collar(self, executive: Executive) -> None:
        """Where the feed stood as the hole began: how deep a bit is that stands in it is then measured, not guessed."""
        running, controller = executive.desk.running, executive.desk.controller
        if running is None or not isinstance(controller, DrillController) or controller.touched_m is None:
            return
        if "collar_m" not in running.memory:
            running.memory["collar_m"] = controller.touched_m - running.before_m  # the hole's own, whatever try this is
            self._due_us = 0


def plain_request(run: Run) -> dict[str, Any]:
    """The request as JSON takes it."""
    plain = asdict(run.request) | {"resume": False}
    return {key: str(value) if isinstance(value, Path) else value for key, value in plain.items()}
