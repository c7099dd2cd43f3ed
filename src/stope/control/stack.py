"""The control stack of one tick: observation in, command out. One way down, no side doors.

estimate -> belief -> the task's goal -> posture and wrench distribution -> command with a lifetime.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.belief.anchors import AnchorBelief, AnchorState
from stope.control.answers import Answers
from stope.control.binding import in_words
from stope.control.distribution import Footholds, WrenchDistribution
from stope.control.estimator import BaseEstimate, Estimator
from stope.control.goal import Goal, View
from stope.control.impedance import Softened
from stope.control.kinematics import Kinematics
from stope.control.loads import margins
from stope.control.sensorwatch import SensorWatch
from stope.control.thrust import HoldDown
from stope.control.watch import Alarm, AnchorWatch
from stope.control.yielding import YieldWatch
from stope.robot.messages import Command, JointMode, Observation, Vector
from stope.robot.model import RobotModel

LIFETIME_PERIODS = 10  # of control that a command lives: longer than any hiccup, shorter than any harm
NEWS_EVERY = 10  # control ticks between reserve QPs while evidence comes in
RESERVE_EVERY = 50  # and while none does: the feet stand elsewhere, the base turns
LEARN_EVERY = 4  # the loads are filtered over four ticks: nothing is missed
SPLIT_EVERY = 4
STAND_AT = 6  # of `RESERVE_EVERY`: a tick without reserve, split or learning looks at what the stiffness has become
HOLDS = int(AnchorState.ENGAGED)  # comparing an array with an enum member costs ten times the comparison
TORQUE_PER_WEIGHT_M = 0.02  # spindle torque per newton of weight on bit, for the reserve: bit radius times friction
PROOF_UTILISATION = 2.0  # a pull test is there to find out: far beyond any bound, short of twice the believed median
ONE_NEWTON_METRE = np.array((0.0, 0.0, 0.0, 0.0, 0.0, 1.0))
HEAVY_M_S2 = 0.05  # above this the limbs' own weight is worth carrying by feed-forward
TORQUE_SHARE = 0.8  # of the joints' effort that may be planned with; the rest is the posture servo's
FORCE_SLEW_N_S = 30.0  # feed-forward forces change no faster: a step would ring the anchors

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tick:
    """What one control tick produced: for the executive, the recorder and the progress line."""

    view: View
    goal: Goal
    command: Command
    alarm: Alarm | None


class ControlStack:
    """All control of one robot.

    Args:
        model: the robot.
        belief: about its anchors; updated here.
        estimator: started at the hand-over state.
        foot_friction: believed Coulomb coefficient.
        hold_probability: that the anchors must hold for the whole task.
        period_us: control period.
        gravity_m_s2: (3,) believed effective gravity, site frame.
        level: (3, 3) attitude that is parallel to the ground.
        offload_fraction: share that a lab hoist carries.
    """

    def __init__(
        self,
        model: RobotModel,
        belief: AnchorBelief,
        estimator: Estimator,
        foot_friction: float,
        hold_probability: float,
        period_us: int,
        gravity_m_s2: Vector,
        level: Vector,
        offload_fraction: float = 0.0,
    ) -> None:
        self.model, self.belief = model, belief
        self.kinematics = Kinematics(model)
        self._estimator, self._distribution = estimator, WrenchDistribution(model)
        self._hold_down, self._watch = HoldDown(model, level), AnchorWatch(len(model.limbs))
        self._yields = YieldWatch(len(model.limbs))
        self._sensors = SensorWatch(model, self.kinematics.mass_kg, period_us * 1e-6, self._is_light(gravity_m_s2))
        self._answers = Answers(model, period_us * 1e-6)
        self._softened = Softened(model, period_us * 1e-6)
        self._tool, self._one_newton = _push_of_tool(model)
        self._friction, self._risk = foot_friction, 1.0 - hold_probability
        self._dt, self._count = period_us * 1e-6, 0
        self._lifetime_us = LIFETIME_PERIODS * period_us
        self._gravity = gravity_m_s2
        self._weight = self.kinematics.mass_kg * (1.0 - offload_fraction) * gravity_m_s2
        self._heavy = not self._is_light(gravity_m_s2)
        self._jointed = np.array([i for i, limb in enumerate(model.limbs) if limb.joints], dtype=np.int64)
        self._limb_joints = np.array([model.limbs[i].joints for i in self._jointed], dtype=np.int64).reshape(-1, 3)
        self._margins_now, self._known = np.ones(len(model.limbs)), -1
        self._gas, self._proof = False, -1
        self._names = [limb.name for limb in model.limbs]
        self._reserve, self._reserve_nm, self._torque_is_old = 0.0, 0.0, False
        self._binding, self._allowed = "", np.zeros(len(model.limbs))
        self._engaged_before = np.zeros(len(model.limbs), dtype=bool)
        self._force = np.zeros((len(model.limbs), 3))
        self._wanted_force = self._force.copy()
        self._target = self._joint_position = np.array(model.stance)
        self._feet_target: Vector | None = None
        self._footholds: Footholds | None = None

    @staticmethod
    def _is_light(gravity_m_s2: Vector) -> bool:
        return float(np.linalg.norm(gravity_m_s2)) <= HEAVY_M_S2

    def observe(self, obs: Observation) -> tuple[View, Alarm | None]:
        """Estimate and belief of this tick."""
        self.kinematics.update(obs.joint_position)
        self._joint_position = obs.joint_position
        engaged = self.belief.state == HOLDS
        relied_on = engaged & self._engaged_before
        sound = self._sensors.mended(obs, self.kinematics)
        estimate = self._estimator.update(sound, self.kinematics.feet_m, relied_on)
        for limb in self._watch.newly_engaged(obs):
            self._estimator.mark_anchor(limb, self.kinematics.feet_m[limb])
            self.belief.engaged(limb, float(obs.anchor_engagement[limb]))
        misfit = self._estimator.misfit_m(self.kinematics.feet_m, relied_on)
        felt, arms = estimate.limb_force_n, self.kinematics.feet_m
        pulls = self._answers.expected_n(self._force, felt, arms, relied_on, self._proof)
        told, slid = self._sensors.look(obs, sound, estimate, misfit, pulls, self._gas)
        if told is not None or self._sensors.just_refined:
            self._estimator.trust_kinematics()
        if told is None and (yields := self._yields.look(felt, self._force, relied_on, self._proof)) is not None:
            told, slid = yields
        if slid >= 0:
            self._watch.give_up(slid, self.belief)
        alarm = self._watch.alarm(sound, estimate, told is not None or self._sensors.explains_motion) or told
        learning = self._count % LEARN_EVERY == 1  # odd, so that it never falls on a tick with a reserve
        if learning:
            self._watch.learn(obs, estimate, self.belief, LEARN_EVERY * self._dt)
        engaged = self.belief.state == HOLDS
        news = self.belief.version != self._known and self._count % NEWS_EVERY == 0
        changed = engaged.tobytes() != self._engaged_before.tobytes()
        look = news or changed or self._count % RESERVE_EVERY == 0
        if changed or self._count % RESERVE_EVERY == STAND_AT:
            self._answers.stand(self.kinematics, engaged)
        if look:
            self._known = self.belief.version
            self._look_at_reserve(estimate, engaged)
        if self._torque_is_old and (changed or not look):  # one reserve a tick, unless the anchors are others
            self._look_at_torque(estimate)
        if learning or look:
            self._margins_now = self._margins(estimate, engaged)
        self._engaged_before = engaged
        self._count += 1
        view = View(
            obs=obs,
            estimate=estimate,
            kinematics=self.kinematics,
            belief=self.belief,
            model=self.model,
            anchored=engaged,
            reserve_n=self._reserve,
            margin=min(self._margins_now.tolist()),
            margins=self._margins_now,
            dt_s=self._dt,
            binding=self._binding,
            reserve_nm=self._reserve_nm,
            torque_per_weight_m=TORQUE_PER_WEIGHT_M,
        )
        return view, alarm

    def resume(
        self, position_m: Vector, rotation: Vector, evidence: Mapping[str, Any], holding: np.ndarray, obs: Observation
    ) -> None:
        """Go on from a checkpoint: pose and evidence as they were, but of anchors only those that are `holding` (L,).

        Args:
            obs: what the sensors read now.

        Raises:
            ValueError: the evidence is of other anchors.
        """
        self.belief.recall(evidence)
        for limb in np.flatnonzero(~holding & (self.belief.state != AnchorState.NONE)):
            self.belief.released(int(limb))
        self._estimator.resume(position_m, rotation, obs.limb_force_n)

    @property
    def planned_force_n(self) -> Vector:
        """(L, 3) force of the ground that each foot is planned to carry now, base frame."""
        return self._force.copy()

    def give_up_anchors(self) -> None:
        """Evidence says that no anchor holds: believe so, and owe nothing to their forces."""
        for limb in range(len(self.model.limbs)):
            if self.belief.state[limb] == AnchorState.ENGAGED:
                self.belief.lost(limb)
        self._force = np.zeros_like(self._force)

    def command(self, view: View, goal: Goal) -> Command:
        """Set-points that reach the goal, alive for ten periods."""
        self._gas, self._proof = goal.hold_down_n > 0.0, goal.proof
        for limb in goal.trusted:
            self._watch.look_again(limb)
        self._pay(view, goal)
        position = self._softened.set_points(self._reach(goal), view.obs.joint_position, goal.stiffness)
        effort = self._feed_forward(view)
        joints = len(self.model.joints)
        mode = np.full(joints, int(JointMode.POSITION), dtype=np.int8)
        velocity, limit = np.zeros(joints), self.model.effort_max.copy()
        drill, drums = self.model.drill, self.model.drums
        if drill is not None:
            # A feed that nobody asks for stays where it is: an idle velocity servo without effort would let it drift.
            mode[drill.feed] = JointMode.VELOCITY if goal.feed_limit_n > 0.0 else JointMode.BRAKE
            mode[drill.spindle] = JointMode.VELOCITY
            velocity[drill.feed] = goal.feed_velocity_m_s
            # The carriage's own weight is carried on top of what the goal allows for pushing.
            limit[drill.feed] = min(goal.feed_limit_n + abs(float(effort[drill.feed])), limit[drill.feed])
            effort[drill.feed] += goal.feed_push_n
            velocity[drill.spindle] = goal.spindle_rad_s
            limit[drill.spindle] = min(max(goal.spindle_limit_nm, 0.0), limit[drill.spindle])
        if drums is not None:
            for joint, rate in zip(drums.joints, goal.drum_rad_s.tolist(), strict=True):
                mode[joint], velocity[joint] = JointMode.VELOCITY, rate
        seq = self._count
        return Command(
            seq=seq,
            valid_until_us=view.obs.time_us + self._lifetime_us,
            joint_mode=mode,
            joint_position=position,
            joint_velocity=velocity,
            joint_effort=effort,
            joint_effort_limit=limit,
            anchor_action=goal.anchor_action,
            release_confirm=seq if goal.release else 0,
            thrust_n=self._thrusts(view, goal),
            hammer=goal.hammer,
        )

    def _thrusts(self, view: View, goal: Goal) -> Vector:
        """(thrusters,) N: hold-down, steered while no anchor holds, and the sampler's jet."""
        estimate, sampler = view.estimate, self.model.sampler
        steer = True not in view.anchored.tolist()
        thrust = self._hold_down.thrusts(goal.hold_down_n, estimate.rotation, estimate.angular_rad_s, steer=steer)
        if sampler is not None and goal.jet_n > 0.0:
            thrust[sampler.jet] = min(goal.jet_n, self.model.thrusters[sampler.jet].max_n)
        return thrust

    def _look_at_reserve(self, estimate: BaseEstimate, engaged: np.ndarray) -> None:
        count = max(1, int(engaged.sum()))
        self._allowed = np.where(engaged, self.belief.allowed_utilisation(self._risk, count), 0.0)
        self._footholds = Footholds(
            arms_m=self.kinematics.feet_m.copy(),
            pull_n=self.belief.normal_median_n,
            shear_n=self.belief.shear_median_n,
            allowed=self._allowed,
            standing=estimate.contact | engaged,
            friction=self._friction,
            jacobians=self.kinematics.jacobians.copy(),
            effort_nm=self._free_effort(estimate),
        )
        self._reserve, self._binding = 0.0, ""
        tool, holding = self.model.drill or self.model.sampler, int(engaged.sum())
        if tool is not None and holding < tool.anchors_required:
            self._binding = f"{holding} anchors hold, the {self._tool} needs {tool.anchors_required}"
            self._reserve_nm, self._torque_is_old = 0.0, False
        elif tool is not None:
            weight = self._weight_wrench(estimate)
            self._reserve = self._distribution.reserve(self._footholds, weight, self._one_newton)
            self._binding = in_words(self._distribution.explain(), self._names)
            self._torque_is_old = self.model.drill is not None

    def _look_at_torque(self, estimate: BaseEstimate) -> None:
        """The reserve of torque about the bit's axis, of the footholds that the last look at the reserve has found."""
        assert self._footholds is not None
        weight = self._weight_wrench(estimate)
        self._reserve_nm = self._distribution.reserve(self._footholds, weight, ONE_NEWTON_METRE)
        self._torque_is_old = False

    def _free_effort(self, estimate: BaseEstimate) -> Vector:
        """(K, 3) joint effort that may be planned for foot forces: what posture and weight leave of it."""
        planned = TORQUE_SHARE * self.model.effort_max[self._limb_joints]
        if self._heavy:
            gravity = estimate.rotation.T @ self._gravity
            weight = self.kinematics.holding_effort(self._joint_position, gravity)
            planned = np.maximum(planned - np.abs(weight[self._limb_joints]), 0.0)
        return planned

    def _weight_wrench(self, estimate: BaseEstimate) -> Vector:
        if not self._heavy:
            return np.zeros(6)
        turn = estimate.rotation.T
        # A hoist pulls at the base's origin: it takes of the weight and nothing of the moment about that origin.
        whole = self.kinematics.mass_kg * (turn @ self._gravity)
        return np.concatenate((turn @ self._weight, np.cross(self.kinematics.centre_m, whole)))

    def _margins(self, estimate: BaseEstimate, engaged: np.ndarray) -> Vector:
        """(L,) 1 - used over allowed utilisation of each engaged anchor, at least -1; 1 where nothing is engaged."""
        normal, shear = self.belief.normal_median_n, self.belief.shear_median_n
        return np.asarray(margins(estimate.limb_force_n, normal, shear, self._friction, self._allowed, engaged))

    def _pay(self, view: View, goal: Goal) -> None:
        """Decide the forces of the ground on the feet that balance what tools, thrust and weight do."""
        if self._footholds is None:
            return
        if self._count % SPLIT_EVERY == 0:
            wrench = goal.tool_wrench.copy()
            wrench[2] -= goal.hold_down_n
            wrench += self._weight_wrench(view.estimate)
            split = self._distribution.split(self._under_proof(goal.proof), wrench, goal.foot_force_n, goal.insist)
            # A foot in the air can pay nothing, whatever the balance says.
            self._wanted_force = np.where(self._footholds.standing[:, None], split.force_n, 0.0)

    def _under_proof(self, limb: int) -> Footholds:
        """The footholds, without a bound on a limb under test; the others must still pay its reaction."""
        assert self._footholds is not None
        if limb < 0:
            return self._footholds
        allowed = self._footholds.allowed.copy()
        allowed[limb] = max(allowed[limb], PROOF_UTILISATION)
        return replace(self._footholds, allowed=allowed)

    def _reach(self, goal: Goal) -> Vector:
        """Joint angles that put the feet where the goal wants them; solved again only for feet that moved."""
        moved = [*range(len(self.model.limbs))]
        if self._feet_target is not None:
            moved = _moved(goal.feet_base_m, self._feet_target)
        if moved:
            target = self._target.copy()
            for limb in moved:
                if self.model.limbs[limb].joints:
                    angles, _ = self.kinematics.joints_for(limb, goal.feet_base_m[limb], target)
                    target[list(self.model.limbs[limb].joints)] = angles
            self._target = target
            self._feet_target = goal.feet_base_m.copy()
        return self._target

    def _feed_forward(self, view: View) -> Vector:
        """Joint efforts that press the feet with the forces to be paid, slewed; and carry the limbs' own weight."""
        if self._heavy:
            effort = self.kinematics.holding_effort(view.obs.joint_position, view.estimate.rotation.T @ self._gravity)
        else:
            effort = np.zeros(len(self.model.joints))
        step = FORCE_SLEW_N_S * view.dt_s
        jacobians = self.kinematics.jacobians
        _press(self._force, self._wanted_force, step, jacobians, self._jointed, self._limb_joints, effort)
        return effort


def _push_of_tool(model: RobotModel) -> tuple[str, Vector]:
    """What the reserve is of: the tool's name, and what it does to the base for each newton that it pushes with."""
    if model.drill is None and model.sampler is not None:
        jet = model.thrusters[model.sampler.jet]
        return "sampler", np.concatenate((jet.direction, np.cross(jet.position_m, jet.direction)))
    return "drill", np.array((0.0, 0.0, 1.0, 0.0, 0.0, TORQUE_PER_WEIGHT_M))


@njit(cache=True)
def _moved(feet_m: Vector, before_m: Vector) -> list[int]:
    """Limbs whose foot is wanted more than a micrometre away from where it was wanted."""
    found = [0 for _ in range(0)]
    for i in range(feet_m.shape[0]):
        for j in range(3):
            if abs(feet_m[i, j] - before_m[i, j]) > 1e-6:
                found.append(i)
                break
    return found


@njit(cache=True)
def _press(
    force: Vector, wanted: Vector, step: float, jacobians: Vector, limbs: Indices, joints: Indices, effort: Vector
) -> None:
    """Move the forces toward those wanted by at most `step`; add -J^T f of each limb to the efforts."""
    for i in range(force.shape[0]):
        for j in range(3):
            force[i, j] += min(max(wanted[i, j] - force[i, j], -step), step)
    for i in range(joints.shape[0]):
        for k in range(3):
            pressed = 0.0
            for j in range(3):
                pressed += force[limbs[i], j] * jacobians[i, j, k]
            effort[joints[i, k]] -= pressed
