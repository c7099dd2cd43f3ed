"""Moments of a run kept for pictures, and the pictures made of them afterwards: rendering never slows the loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from stope.control.stack import Tick
from stope.executive.tree import Executive
from stope.robot.messages import Sent, Vector
from stope.session.build import Run
from stope.sim.caption import Caption
from stope.sim.plant import AsteroidPlant
from stope.sim.render import Film, Frame
from stope.sim.scenery import Ground
from stope.sim.states import TrueState

KEEP_EVERY_US = 500_000
FILM_FRAMES = 60
FRAMES_PER_S = 10
LOADED_N = 5.0
GRAINS_DRAWN = 500  # of those in flight, about


@dataclass(frozen=True, slots=True)
class _Moment:
    state: TrueState
    caption: Caption
    ejecta_m: Vector


@dataclass
class FilmStrip:
    """A watcher of the loop that keeps a moment every half second of run time."""

    run: Run
    plant: AsteroidPlant
    moments: list[_Moment] = field(default_factory=list)

    def __call__(self, tick: Tick, _sent: Sent, executive: Executive) -> None:
        """Keep this moment if it is due."""
        view = tick.view
        if view.obs.time_us % KEEP_EVERY_US:
            return
        running, controller = executive.desk.running, executive.desk.controller
        depth = controller.progress.depth_m if controller else 0.0
        caption = Caption(
            mission=self.run.mission.name,
            task=running.task if running else "",
            time_s=view.time_s,
            depth_m=depth or None,
            weight_on_bit_n=view.obs.weight_on_bit_n,
            anchor_margin=view.margin if view.anchored.any() else None,
        )
        flying = self.plant.flow.cloud.positions_m()
        self.moments.append(_Moment(self.plant.truth(), caption, flying[:: max(1, len(flying) // GRAINS_DRAWN)]))

    def develop(self, folder: Path) -> tuple[Path | None, Path | None]:
        """One picture (the deepest moment with the bit under load, or what else tells most) and the film; their paths.

        A run that ended before its first moment has neither.
        """
        if not self.moments:
            return None, None
        run, name = self.run, self.run.mission.name
        picture, film_path = folder / f"{name}.png", folder / f"{name}.mp4"
        lab = run.body.shape.kind == "flat"
        with Film(run.robot.model, Ground.of(self.plant.heights), seed=run.mission.seed, open_sky=not lab) as film:
            best = max(self.moments, key=_telling)
            film.render_png(picture, _frame(best))
            film.render_mp4(film_path, [_frame(m) for m in _thinned(self.moments)], fps=FRAMES_PER_S)
        return picture, film_path


def _telling(moment: _Moment) -> tuple[bool, float, float, int]:
    """How much of the work a moment shows: the bit under load, depth, what the anchors pay, and how late it is."""
    caption = moment.caption
    paid = 0.0 if caption.anchor_margin is None else 1.0 - caption.anchor_margin
    return (caption.weight_on_bit_n or 0.0) > LOADED_N, caption.depth_m or 0.0, paid, moment.state.time_us


def _thinned(moments: list[_Moment]) -> list[_Moment]:
    stride = max(1, -(-len(moments) // FILM_FRAMES))
    return moments[::stride]


def _frame(moment: _Moment) -> Frame:
    state = moment.state
    return Frame(state.position_m, state.quaternion, state.joint_position, moment.caption, moment.ejecta_m)
