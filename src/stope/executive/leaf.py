"""TaskLeaf: one activity of the plan as a behaviour: its conditions, its tries, its outcome, all in run time."""

from __future__ import annotations

from dataclasses import replace

from py_trees.behaviour import Behaviour
from py_trees.common import Status

from stope.control.goal import Outcome, Progress, WindsUp
from stope.executive.activity import Activity, Desk, stopped
from stope.executive.condition import PATIENCE_US, Condition, first_broken, some
from stope.executive.operator import ESSENTIAL
from stope.executive.survival import LOW
from stope.executive.task import Rung, Task

WIND_UP_S = 60.0  # what a task that was stopped may still take to bring its tool home: 0.4 m of feed take 20 s
HOLDS = ("operator.pause", LOW)  # what goes on afterwards
NEVER_BEGUN_S = 600.0  # of run time that `start` may stay false


class TaskLeaf(Behaviour):
    """Runs one task from its start condition to its outcome, once, with what its ladder tries in between.

    py_trees starts a behaviour anew whenever its parent comes back to it, and its Timeout reads the wall clock. A task
    on an asteroid happens once and takes run time: a leaf whose activity has ended only repeats the outcome, and the
    time-out of a paused or faster than real-time run trips when it would trip on hardware.

    Args:
        activity: filled in as it goes; two leaves in two branches may share one.
        task: what to do, under which conditions.
        desk: shared with the control loop.
        skip: if not empty, the task is not run, for this reason.
        closes: belongs to the branch that closes a mission.
    """

    def __init__(self, activity: Activity, task: Task, desk: Desk, skip: str = "", closes: bool = False) -> None:
        super().__init__(name=activity.task)
        self.activity, self.task, self._desk, self._skip, self._closes = activity, task, desk, skip, closes
        self._asked_us: int | None = None  # since when it wants to begin
        self._try_us = self._known_us = 0  # begin of this try; when the invariant was last known to hold
        self._done_us: int | None = None  # since when the controller says done
        self._ending: Progress | None = None  # what it comes to once the tool is home
        self._as = "failed"
        self._home_by_us = 0
        self._used = [0] * len(task.ladder)
        self._repeats = 0
        self._mine = False  # this leaf, and not another branch's, has begun it
        self._next: Rung | None = None  # to be tried once its remedy is done

    def again(self, closes: bool = False) -> TaskLeaf:
        """A second leaf for the same activity, for another branch of the tree."""
        return TaskLeaf(self.activity, self.task, self._desk, self._skip, closes)

    def update(self) -> Status:
        """One tick."""
        if self.activity.state == "waiting":
            self._begin()
        if self.activity.state == "running":
            self._work()
        if not self.activity.ended:
            return Status.RUNNING
        return Status.SUCCESS if self.activity.state in ("succeeded", "skipped") else Status.FAILURE

    def terminate(self, new_status: Status) -> None:
        """Interrupted by something above: the activity failed for that reason."""
        mine = self._mine and self.activity.state == "running"
        if new_status is Status.INVALID and mine and self._desk.controller is not None:
            fault = self._desk.faults[-1] if self._desk.faults else "operator"
            depth = self._desk.controller.progress.depth_m
            why = Progress("interrupted", code=fault, reason=f"interrupted by {fault}", depth_m=depth)
            self._desk.end(self.activity, "failed", why)

    def _begin(self) -> None:
        """Start the task, unless it is to be skipped, must wait, or may not."""
        desk, task, activity = self._desk, self.task, self.activity
        if self._skip:
            return desk.end(activity, "skipped", Progress("skipped", code="task.skipped", reason=self._skip))
        if self._take_skip():
            why = Progress("skipped", code="operator.skip", reason="skipped by the operator")
            return desk.end(activity, "skipped", why)
        skip = next((each for each in task.skip if each.holds(desk.view, desk.now_us)), None)
        if skip is not None:
            return desk.end(activity, "skipped", Progress("skipped", code=skip.code, reason=skip.what))
        if desk.closing is not None and activity.task not in ESSENTIAL and not self._closes:
            return None  # the branch that closes takes over in the next tick
        lost = next((desk.lost[each] for each in sorted(task.resources) if each in desk.lost), None)
        if lost is not None:
            return desk.end(activity, "refused", lost)
        self._asked_us = desk.now_us if self._asked_us is None else self._asked_us
        if task.name in desk.operator.ask:
            consent = desk.operator.consents(f"{activity.index} {task.name}", desk.now_us)
            if consent is None:
                return None
            if not consent:
                why = Progress("skipped", code="operator.silent", reason="nobody approved it in time")
                return desk.end(activity, "skipped", why)
        return self._start()

    def _start(self) -> None:
        """Start once `start` holds and `pre` is known: false or never known refuses."""
        desk, task = self._desk, self.task
        assert self._asked_us is not None
        waited_us = desk.now_us - self._asked_us
        ready, waiting = first_broken(task.start, desk.view, desk.now_us)
        if ready is not True and waiting is not None:
            if waited_us > NEVER_BEGUN_S * 1e6:
                why = stopped("task.not_begun", f"not begun after {NEVER_BEGUN_S:.0f} s: {waiting.what}")
                desk.end(self.activity, "failed", why)
            return
        may, broken = first_broken(task.pre, desk.view, desk.now_us)
        if may is False and broken is not None:
            desk.end(self.activity, "refused", broken.broken(desk.view, "refused", Outcome.REFUSED))
        elif may is None and broken is not None:
            if waited_us > PATIENCE_US:
                desk.end(self.activity, "refused", broken.unknown("refused", Outcome.REFUSED))
        else:
            self._try_us, self._known_us, self._mine = desk.now_us, desk.now_us, True
            desk.start(self.activity, task.make(desk.view, self.activity))

    def _work(self) -> None:
        """Look at what stops it, at the controller's progress and at the time."""
        desk, controller = self._desk, self._desk.controller
        if controller is None or desk.running is not self.activity:
            return  # another branch works on it
        if self._ending is None and self._next is None:
            self._watch()
        if self.activity.ended or desk.controller is not controller:
            return
        progress = controller.progress
        if self._next is not None:
            self._after_remedy(progress)
        elif self._ending is not None:
            self._wind(progress)
        elif progress.outcome is Outcome.SUCCEEDED:
            self._succeed(progress)
        elif progress.outcome is Outcome.REFUSED:
            desk.end(self.activity, "refused", progress)
        elif progress.outcome is Outcome.FAILED:
            self._fail(progress)
        elif (late_s := (desk.now_us - self._try_us) * 1e-6) > self.activity.timeout_s:
            reason = f"not done after {self.activity.timeout_s:.0f} s; it was at: {progress.phase}"
            self._stop(stopped("task.timeout", reason, late_s, "s"), "failed")

    def _watch(self) -> None:
        """What stops a running task from outside: orders, a closing mission, `exit`, a broken or unknown invariant."""
        desk, task = self._desk, self.task
        if desk.operator.skip is not None and self._take_skip():
            return self._stop(stopped("operator.skip", "skipped by the operator"), "skipped")
        if desk.closing is not None and self._may_close(desk.closing):
            state = "suspended" if desk.closing.code in HOLDS else "interrupted"
            return self._stop(desk.closing, state)
        if desk.stop_task is not None:
            why, desk.stop_task = desk.stop_task, None
            return self._stop(why, "failed")
        for condition in task.exit:
            if condition.holds(desk.view, desk.now_us):
                return self._stop(stopped(condition.code, condition.what), "interrupted")
        held, broken = first_broken(task.invariant, desk.view, desk.now_us)
        if held is True or broken is None:
            self._known_us = desk.now_us
        elif held is False:
            return self._stop(broken.broken(desk.view), "failed")
        elif desk.now_us - self._known_us > PATIENCE_US:
            return self._stop(broken.unknown(), "failed")
        return None

    def _may_close(self, why: Progress) -> bool:
        """A tool in the ground is brought home; a step that is whole or not at all is let finish, but nothing opened.

        A pause or a sleep does not take a grip that is half closed, nor stop a descent: that would be the greater risk.
        """
        if isinstance(self._desk.controller, WindsUp) or self.task.undo is not None:
            return True
        return self.activity.task == "release" and why.code not in HOLDS

    def _take_skip(self) -> bool:
        if self._desk.operator.skip is None or self.activity.task in ESSENTIAL:
            return False
        self._desk.operator.skip = None
        return True

    def _stop(self, why: Progress, state: str) -> None:
        """Bring the tool home, then end as `state` for `why`."""
        desk, controller = self._desk, self._desk.controller
        assert controller is not None
        self._ending, self._as = replace(why, depth_m=controller.progress.depth_m), state
        self._home_by_us = desk.now_us + round(WIND_UP_S * 1e6)
        if isinstance(controller, WindsUp):
            controller.wind_up(self._ending)
        elif self.task.undo is not None:
            desk.controller = self.task.undo(desk.view, self.activity)
        else:
            self._finish()

    def _wind(self, progress: Progress) -> None:
        if progress.outcome is not Outcome.RUNNING or self._desk.now_us > self._home_by_us:
            self._finish()
        elif isinstance(self._desk.controller, WindsUp) and self._ending is not None:
            self._desk.controller.wind_up(self._ending)  # it may not have listened in its first tick

    def _finish(self) -> None:
        why, state = self._ending, self._as
        assert why is not None
        self._ending = None
        if state == "suspended":
            self._asked_us = None
            self._desk.suspend(self.activity, why)
        elif state == "failed":
            self._fail(why)
        else:
            self._desk.end(self.activity, state, why)

    def _succeed(self, progress: Progress) -> None:
        """Done, says the controller: `end`, then `post`, then `repeat`."""
        desk, task = self._desk, self.task
        now_us, view = desk.now_us, desk.view
        over_us = now_us - self._try_us - round(self.activity.timeout_s * 1e6)
        done, waiting = first_broken(task.end, view, now_us)
        if done is not True and waiting is not None:
            if over_us > 0:
                self._fail(_with_depth(_why(waiting, done, self), progress))
            return
        true, broken = first_broken(task.post, view, now_us)
        self._done_us = now_us if self._done_us is None else self._done_us
        if true is None and now_us - self._done_us <= PATIENCE_US:
            return  # not known yet
        self._done_us = None
        if true is not True and broken is not None:
            self._fail(_with_depth(_why(broken, true, self), progress))
        elif self._repeats < task.most_repeats and some(each.holds(view, now_us) for each in task.repeat):
            self._repeats += 1
            self.activity.before_m += progress.depth_m
            self._again(task.make(view, self.activity), Progress("again", reason="repeated"))
        else:
            desk.end(self.activity, "succeeded", progress)

    def _fail(self, why: Progress) -> None:
        """The next rung that answers this failure, or the end."""
        desk = self._desk
        for place, rung in enumerate(self.task.ladder):
            if self._used[place] < rung.times and rung.answers(why) and desk.closing is None:
                if rung.ask and not desk.operator.present:
                    continue
                self._used[place] += 1
                self.activity.before_m += why.depth_m
                told = replace(why, reason=f"{why.reason}; {rung.what}")
                if rung.first is None and not rung.ask:
                    return self._again(rung.make(desk.view, self.activity), told)
                self._next, self._ending = rung, told
                self._home_by_us = desk.now_us + round(self.activity.timeout_s * 1e6)
                desk.controller = rung.first(desk.view, self.activity) if rung.first else desk.controller
                return None
        return desk.end(self.activity, "failed", why)

    def _after_remedy(self, progress: Progress) -> None:
        """Once the remedy is done (or the operator has answered): the next try."""
        desk, rung, why = self._desk, self._next, self._ending
        assert rung is not None
        assert why is not None
        done = rung.first is None or progress.outcome is not Outcome.RUNNING
        if not done and desk.now_us <= self._home_by_us and desk.closing is None:
            return
        consent = desk.operator.consents(f"{self.activity.index} {rung.what}", desk.now_us) if rung.ask else True
        if consent is None and desk.closing is None:
            return
        self._next = self._ending = None
        if consent and desk.closing is None:
            self._again(rung.make(desk.view, self.activity), why)
        else:
            desk.end(self.activity, "failed", replace(why, depth_m=0.0))  # it was added to what came before

    def _again(self, controller: object, why: Progress) -> None:
        self._try_us = self._known_us = self._desk.now_us
        self._desk.start(self.activity, controller, why)  # type: ignore[arg-type]


def _why(condition: Condition, held: bool | None, leaf: TaskLeaf) -> Progress:
    return condition.unknown() if held is None else condition.broken(leaf._desk.view)


def _with_depth(why: Progress, progress: Progress) -> Progress:
    return replace(why, depth_m=progress.depth_m)
