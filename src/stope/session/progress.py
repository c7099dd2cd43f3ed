"""The progress line: one line that a person can follow, or a line per 30 s of run time where nobody watches live."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.live import Live
from rich.text import Text

from stope.clock import HostClock
from stope.control.stack import Tick
from stope.executive.tree import Executive
from stope.robot.messages import Sent
from stope.session.build import Run
from stope.session.recording import collected_kg

REFRESH_S = 0.1  # of host time
HEARTBEAT_US = 30_000_000  # of run time, where the output is a file or a pipe


class ProgressLine:
    """A watcher of the loop that tells task, time, depth, weight-on-bit, anchor margin and mass, on stderr."""

    def __init__(self, run: Run, host: HostClock) -> None:
        self._run, self._host = run, host
        self._console = Console(file=sys.stderr, highlight=False)
        self._live = (
            Live(console=self._console, auto_refresh=False, transient=True) if self._console.is_terminal else None
        )
        if self._live:
            self._live.start()
        self._next_s, self._next_us = 0.0, 0

    def __call__(self, tick: Tick, _sent: Sent, executive: Executive) -> None:
        """Refresh if it is time."""
        if self._live:
            now = self._host.now_s()
            if now >= self._next_s:
                self._next_s = now + REFRESH_S
                self._live.update(Text(self._text(tick, executive)), refresh=True)
        elif tick.view.obs.time_us >= self._next_us:
            self._next_us += HEARTBEAT_US
            self._console.print(self._text(tick, executive), markup=False, soft_wrap=True)

    def close(self) -> None:
        """Take the line off the screen."""
        if self._live:
            self._live.stop()

    def _text(self, tick: Tick, executive: Executive) -> str:
        view, running = tick.view, executive.desk.running
        controller = executive.desk.controller
        progress = controller.progress if controller else None
        margin = f"{100.0 * view.margin:3.0f} %" if view.anchored.any() else "  -  "
        return (
            f"{running.task if running else '-':10} {progress.phase if progress else '':28.28} t {view.time_s:6.1f} s  "
            f"depth {1e3 * (progress.depth_m if progress else 0.0):5.1f} mm  bit {view.obs.weight_on_bit_n:5.1f} N  "
            f"margin {margin}  mass {1e3 * collected_kg(self._run, view.obs):5.0f} g"
        )
