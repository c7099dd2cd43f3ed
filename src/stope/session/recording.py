"""Recording: messages of the run into the log. The only module that knows both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from stope import __version__
from stope.control.rotation import quaternion
from stope.control.stack import Tick
from stope.executive.activity import Transition
from stope.executive.raised import Raised
from stope.executive.tree import Executive
from stope.robot.messages import Command, Observation, Sent, Vector
from stope.session.build import Run
from stope.session.devicewatch import DeviceNews
from stope.session.loop import Detection
from stope.sim.momentum import SOURCES
from stope.sim.states import TrueState
from stope.tasklog.header import RunHeader
from stope.tasklog.messages import message_class, new
from stope.tasklog.writer import TaskLogWriter

#: Control ticks between messages of a kind; design budget: about 200 messages per second of run time.
OBSERVATION_EVERY, ESTIMATE_EVERY, TRUTH_EVERY, BELIEF_EVERY, BOOKS_EVERY = 2, 5, 10, 20, 100
QUANTILES = np.array((0.05, 0.5, 0.95))
#: Half of all messages are of these, so they are made without a look at each field, as `new` does.
_OBSERVATION, _COMMAND = message_class("RobotObservation"), message_class("RobotCommand")
PHASES = {
    "running": "PHASE_STARTED",
    "succeeded": "PHASE_SUCCEEDED",
    "failed": "PHASE_FAILED",
    "refused": "PHASE_REFUSED",
    "skipped": "PHASE_SKIPPED",
    "interrupted": "PHASE_INTERRUPTED",
    "suspended": "PHASE_SUSPENDED",
    "retried": "PHASE_RETRIED",
}
SEVERITIES = {"note": "SEVERITY_NOTICE", "wind_up": "SEVERITY_STOP", "take_tool": "SEVERITY_STOP"}


def run_header(run: Run) -> RunHeader:
    """What a stranger must know to understand the log."""
    model, mission = run.robot.model, run.mission
    robot: dict[str, Any] = {
        "name": model.name,
        "joints": [asdict(joint) | {"unit": joint.unit} for joint in model.joints],
        "limbs": [{"name": limb.name, **asdict(limb.gripper)} for limb in model.limbs],
        "thrusters": [asdict(thruster) for thruster in model.thrusters],
        "drums": [{"name": name} for name in model.drums.links] if model.drums else [],
    }
    finite = json.loads(json.dumps(robot), parse_constant=lambda _text: None)
    return RunHeader(
        stope_version=__version__,
        seed=mission.seed,
        mission=mission.name,
        mission_json=json.dumps(run.resolved, sort_keys=True),
        robot=model.name,
        robot_json=json.dumps(finite, sort_keys=True),
        limits_hash=model.limits_hash,
        body=run.body.name,
        licence=mission.licence,
        team=mission.team,
        extra={"anchors": run.request.anchors, "inject": " ".join(run.request.inject)} | _rotation(run),
    )


def _rotation(run: Run) -> dict[str, str]:
    """Said only where the log may go on in further files."""
    return {"rotate_every": run.request.rotate_every} if run.request.rotate_every else {}


class Recorder:
    """A watcher of the loop that writes what it sees."""

    def __init__(self, run: Run, writer: TaskLogWriter) -> None:
        self._run, self._writer = run, writer
        self._count = self._answered = 0
        self._placement = _Placement()
        self._believed, self._scale = -1, np.zeros((0, len(QUANTILES)))  # strengths, and of which version of the belief
        self._write_terrain()

    def __call__(self, tick: Tick, sent: Sent, executive: Executive) -> None:
        """Record one control tick."""
        now, count = tick.view.obs.time_us, self._count
        self._count += 1
        if count % OBSERVATION_EVERY == 0:
            self._writer.write("/robot/observation", observation(tick.view.obs), now)
            self._writer.write("/robot/command", command(sent), now)
        if count % ESTIMATE_EVERY == 0:
            self._estimate(tick, now)
        if count % TRUTH_EVERY == 0 and self._run.plant is not None:
            self._writer.write("/sim/truth", truth(self._run.plant.truth()), now)
        if count % BELIEF_EVERY == 0:
            self._belief(tick, now)
            self._progress(tick, executive, now)
        if count % BOOKS_EVERY == 0:
            self.books(now)
        desk = executive.desk
        if desk.news or desk.raised or len(desk.operator.answers) > self._answered or self._run.orders.nonsense:
            self.news(executive, now)

    def detection(self, found: Detection) -> None:
        """A fault was detected."""
        alarm = found.alarm
        message = new(
            "SafetyEvent",
            fault=alarm.fault,
            value=alarm.value,
            limit=alarm.limit,
            unit=alarm.unit,
            response="recover",
            detection_time_us=found.time_us,
            severity="SEVERITY_STOP",
        )
        self._writer.write("/safety/event", message, found.time_us)

    def device(self, found: Sequence[DeviceNews]) -> None:
        """What the device reported of itself during the run."""
        now = self._run.clock.now_us
        for item in found:
            severity = "SEVERITY_SAFE" if item.blocking else "SEVERITY_WARNING"
            message = new(
                "SafetyEvent", fault=item.row, response=item.why, detection_time_us=item.time_us, severity=severity
            )
            self._writer.write("/safety/event", message, now)

    def closing(self, verdict: str) -> None:
        """The last words of a log: how the run ended. A log without them was cut off."""
        now = self._run.clock.now_us
        level = "INFO" if verdict.startswith("PASSED") else "WARNING"
        self._writer.write("/log", new("foxglove.Log", level=level, message=verdict, name="session"), now)

    def books(self, now: int) -> None:
        """Both balances as they stand; a real world keeps none."""
        plant = self._run.plant
        if plant is None:
            return
        flow, book = plant.flow, plant.impulses
        rows, error = flow.book.rows(), flow.error()
        balance = new(
            "MassBalance",
            account=[row.account for row in rows],
            material=[row.material for row in rows],
            amount_ug=[row.balance_ug for row in rows],
            total_ug=sum(row.balance_ug for row in rows),
            independent_kg=error.moved_kg,
            error_kg=error.independent * error.moved_kg,
            moved_kg=error.moved_kg,
        )
        self._writer.write("/mass/balance", balance, now)
        impulse = new(
            "ImpulseBalance",
            momentum_change=book.table[:, :3].sum(axis=0),
            source=SOURCES,
            impulse=book.table[:, :3],
            residual=plant.momentum_residual()[:3],
            exchanged=book.exchanged_ns,
            raw_drift=book.raw_drift[:3],
        )
        self._writer.write("/impulse/balance", impulse, now)

    def news(self, executive: Executive, now: int) -> None:
        """What tree, monitors and operator have come to since the last look."""
        desk = executive.desk
        for change in desk.news:
            self._event(change, now)
        for raised in desk.raised:
            self._raised(raised, now)
        for answer in desk.operator.answers[self._answered :]:
            verdict = "accepted" if answer.accepted else "refused"
            text = f"{answer.order.verb} by {answer.order.who}: {verdict}: {answer.sentence}"
            if answer.order.why:
                text += f" (why: {answer.order.why})"
            self._say(text, "INFO" if answer.accepted else "WARNING", "operator", now)
        for line in self._run.orders.nonsense:
            self._say(f"operator.nonsense: {line}", "WARNING", "operator", now)
        self._answered = len(desk.operator.answers)
        self._run.orders.answer(desk.operator.answers)
        desk.news.clear()
        desk.raised.clear()

    def _estimate(self, tick: Tick, now: int) -> None:
        estimate = tick.view.estimate
        turn = quaternion(estimate.rotation)
        force = estimate.rotation @ estimate.limb_force_n.sum(axis=0)
        message = new(
            "BaseEstimate",
            position=estimate.position_m,
            quaternion=turn,
            linear_velocity=estimate.velocity_m_s,
            angular_velocity=estimate.angular_rad_s,
            external_force=force,
            valid=estimate.anchored,
            residual_m=estimate.residual_m,
        )
        self._writer.write("/estimate", message, now)
        self._placement.fill(estimate.position_m, turn)
        self._writer.write("/robot/pose", self._placement.pose, now)
        self._writer.write("/tf", self._placement.transforms, now)

    def _belief(self, tick: Tick, now: int) -> None:
        view, belief = tick.view, tick.view.belief
        if belief.version != self._believed:
            self._believed, self._scale = belief.version, belief.strength_quantiles(QUANTILES)
        scale = self._scale
        force = view.estimate.limb_force_n
        loads = np.stack((-force[:, 2], np.hypot(force[:, 0], force[:, 1])), axis=1)
        normal = belief.normal_median_n
        message = new(
            "AnchorBelief",
            strength_p05_n=scale[:, 0] * normal,
            strength_p50_n=scale[:, 1] * normal,
            strength_p95_n=scale[:, 2] * normal,
            shear_scale=belief.shear_median_n / np.maximum(normal, 1e-9),
            tested_n=belief.highest_survived() * normal,
            margin=view.margins,
            hold_probability=belief.hold_probability(loads),
            weight_on_bit_bound_n=view.reserve_n,
        )
        self._writer.write("/belief/anchors", message, now)

    def _progress(self, tick: Tick, executive: Executive, now: int) -> None:
        running, controller = executive.desk.running, executive.desk.controller
        progress = controller.progress if controller else None
        message = new(
            "TaskProgress",
            task=running.task if running else "",
            phase=progress.phase if progress else "",
            depth_m=progress.depth_m if progress else 0.0,
            weight_on_bit_n=tick.view.obs.weight_on_bit_n,
            anchor_margin=tick.view.margin,
            mass_collected_kg=collected_kg(self._run, tick.view.obs),
            rate_of_penetration=progress.penetration_m_s if progress else 0.0,
        )
        self._writer.write("/task/progress", message, now)

    def _event(self, change: Transition, now: int) -> None:
        message = new(
            "TaskEvent",
            task=change.task,
            activity=change.index,
            phase=PHASES[change.state],
            reason=change.code,
            message=change.reason,
            value=change.value,
            unit=change.unit,
        )
        self._writer.write("/task/event", message, now)
        level = "WARNING" if change.state in ("failed", "refused", "retried", "interrupted") else "INFO"
        text = f"{change.task}: {change.state}" + (f": {change.reason}" if change.reason else "")
        self._say(text, level, "executive", now)

    def _raised(self, raised: Raised, now: int) -> None:
        """A row of the fault table that the executive watches itself."""
        row = raised.row
        message = new(
            "SafetyEvent",
            fault=row.id,
            value=raised.value,
            limit=row.threshold,
            unit=row.unit,
            response=row.action,
            detection_time_us=raised.time_us,
            severity=SEVERITIES.get(row.action, "SEVERITY_SAFE"),
        )
        self._writer.write("/safety/event", message, now)
        self._say(f"{row.id}: {raised.sentence}", "WARNING", "executive", now)

    def _say(self, text: str, level: str, name: str, now: int) -> None:
        self._writer.write("/log", new("foxglove.Log", level=level, message=text, name=name), now)

    def _write_terrain(self) -> None:
        if self._run.plant is None:
            return
        heights = self._run.plant.heights
        x, y = np.meshgrid(heights.axis_m, heights.axis_m)
        points = np.stack((x, y, heights.surface_m), axis=-1).astype("<f4").reshape(-1, 3)
        fields = [{"name": axis, "offset": 4 * i, "type": "FLOAT32"} for i, axis in enumerate("xyz")]
        cloud = new(
            "foxglove.PointCloud",
            frame_id="site",
            pose={"orientation": {"w": 1.0}},
            point_stride=12,
            fields=fields,
            data=points.tobytes(),
        )
        self._writer.write("/terrain", cloud, 0)


def observation(obs: Observation) -> Any:
    """`Observation` as its log message."""
    applied, health = obs.applied, obs.health
    return _OBSERVATION(
        device_time_us=obs.device_time_us,
        device_seq=obs.seq,
        joint_position=obs.joint_position.tolist(),
        joint_velocity=obs.joint_velocity.tolist(),
        joint_effort=obs.joint_effort.tolist(),
        imu_gyro=obs.imu_gyro_rad_s.tolist(),
        imu_accel=obs.imu_accel_m_s2.tolist(),
        limb_force=obs.limb_force_n.ravel().tolist(),
        anchor_phase=obs.anchor_phase.tolist(),
        anchor_engagement=obs.anchor_engagement.tolist(),
        anchor_slip_m=obs.anchor_slip_m.tolist(),
        weight_on_bit_n=obs.weight_on_bit_n,
        spindle_current_a=obs.spindle_current_a,
        bin_fill=obs.bin_fill,
        drum_fill=obs.drum_fill.tolist(),
        propellant_kg=obs.propellant_kg,
        bus_voltage_v=obs.bus_voltage_v,
        energy_used_j=obs.energy_used_j,
        safety_state=int(obs.safety),
        fault_flags=obs.fault_flags,
        applied_seq=applied.seq,
        applied_limited=applied.limited,
        applied_refused=applied.refused,
        applied_why=applied.why,
        dropped=health.dropped,
        bad_frames=health.bad_frames,
        stale_refused=health.stale_refused,
        watchdog_trips=health.watchdog_trips,
    )


def command(sent: Sent) -> Any:
    """`Sent` as its log message: the command after host limits."""
    asked: Command = sent.command
    return _COMMAND(
        seq=asked.seq,
        valid_until_us=asked.valid_until_us,
        joint_mode=asked.joint_mode.tolist(),
        joint_position=asked.joint_position.tolist(),
        joint_velocity=asked.joint_velocity.tolist(),
        joint_effort=asked.joint_effort.tolist(),
        joint_effort_limit=asked.joint_effort_limit.tolist(),
        anchor_action=asked.anchor_action.tolist(),
        release_confirm=asked.release_confirm,
        thrust_n=asked.thrust_n.tolist(),
        host_limited=sent.limited,
        hammer=asked.hammer,
    )


def truth(state: TrueState) -> Any:
    """The simulator's truth as its log message, marked as such by its topic."""
    return new(
        "SimTruth",
        base_position=state.position_m,
        base_quaternion=state.quaternion,
        linear_velocity=state.velocity_m_s,
        anchor_force=state.foot_force_n,
        anchor_normal_strength_n=state.strength_n[:, 0],
        anchor_shear_strength_n=state.strength_n[:, 1],
        hole_depth_m=state.hole_depth_m,
    )


def collected_kg(run: Run, obs: Observation) -> float:
    """Mass in drums and bin by their level sensors."""
    model = run.robot.model
    drums = float(obs.drum_fill.sum()) * model.drums.capacity_kg if model.drums else 0.0
    return drums + obs.bin_fill * model.bin_capacity_kg


class _Placement:
    """Pose and transform of the base, made once and filled in each time: most of their cost is the making."""

    def __init__(self) -> None:
        self.pose = new("foxglove.PoseInFrame", frame_id="site")
        row = {"parent_frame_id": "site", "child_frame_id": "base"}
        self.transforms = new("foxglove.FrameTransforms", transforms=[row])
        place, link = self.pose.pose, self.transforms.transforms[0]
        self._at, self._turned = (place.position, link.translation), (place.orientation, link.rotation)

    def fill(self, position: Vector, turn: Vector) -> None:
        """Where the base is, and how it is turned."""
        x, y, z = position.tolist()
        for at in self._at:
            at.x, at.y, at.z = x, y, z
        x, y, z, w = turn.tolist()
        for turned in self._turned:
            turned.x, turned.y, turned.z, turned.w = x, y, z, w
