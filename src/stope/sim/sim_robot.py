"""SimRobot: the plant plus the simulated device, behind the same seam as hardware."""

from __future__ import annotations

from stope.clock import RunClock
from stope.robot.limits import enforce
from stope.robot.messages import Command, Health, Observation, SafetyState, Sent
from stope.robot.model import RobotModel
from stope.robot.seam import Handshake, HandshakeError
from stope.sim.device import Device
from stope.sim.lidar import ElevationSensor
from stope.sim.plant import AsteroidPlant

PROTOCOL = "stope-seam/1"


class SimRobot:
    """Implements `robot.Robot` over a plant; owns the run's time.

    Args:
        plant: the world, freshly built; closed with the robot.
        clock: moved by `wait`.
    """

    def __init__(self, plant: AsteroidPlant, clock: RunClock) -> None:
        self.plant = plant
        self._clock = clock
        self._device = Device(plant.model)
        self._raw = plant.sense()
        self._elevation = ElevationSensor(plant.heights, plant.seed)
        self._seq = 0

    @property
    def model(self) -> RobotModel:
        """The robot's model."""
        return self.plant.model

    def connect(self) -> Handshake:
        """Identify; the simulator is always the robot that it was built from."""
        return Handshake(
            identity=f"sim:{self.model.name}",
            protocol=PROTOCOL,
            firmware="sim-device/1",
            limits_hash=self.model.limits_hash,
            session=1,
        )

    def arm(self) -> None:
        """Hold the present position; refused while a fault is latched.

        Raises:
            HandshakeError: the device is not in a state that may be armed.
        """
        if self._device.state is not SafetyState.DISARMED:
            raise HandshakeError(f"device is {self._device.state.name}; clear it before arming")
        self._device.arm(self._raw)

    def disarm(self) -> None:
        """Brakes on, anchors kept."""
        self._device.disarm()

    def close(self) -> None:
        """Free the world."""
        self.plant.close()

    def read(self) -> Observation:
        """The newest reading."""
        raw, device = self._raw, self._device
        self._seq += 1
        return Observation(
            time_us=raw.time_us,
            seq=self._seq,
            joint_position=raw.joint_position,
            joint_velocity=raw.joint_velocity,
            joint_effort=raw.joint_effort,
            imu_gyro_rad_s=raw.imu_gyro_rad_s,
            imu_accel_m_s2=raw.imu_accel_m_s2,
            limb_force_n=raw.limb_force_n,
            anchor_phase=raw.anchor_phase,
            anchor_engagement=raw.anchor_engagement,
            anchor_slip_m=raw.anchor_slip_m,
            weight_on_bit_n=raw.weight_on_bit_n,
            spindle_current_a=raw.spindle_current_a,
            bin_fill=raw.bin_fill,
            drum_fill=raw.drum_fill,
            propellant_kg=raw.propellant_kg,
            bus_voltage_v=raw.bus_voltage_v,
            energy_used_j=raw.energy_used_j,
            safety=device.state,
            fault_flags=int(device.faults),
            applied=device.applied,
            health=Health(stale_refused=device.stale_refused),
            device_time_us=raw.time_us,
            terrain_m=self._elevation.read(raw.time_us, *self.plant.pose()),
        )

    def write(self, command: Command) -> Sent:
        """Host limits, then the device."""
        sent = enforce(command, self.model)
        self._device.take(sent.command, self._raw)
        return sent

    def wait(self, until_us: int) -> None:
        """Step servo and plant up to `until_us`."""
        plant, device, raw = self.plant, self._device, self._raw
        while raw.time_us < until_us:
            alone_us = min(device.unattended_us(raw), until_us - raw.time_us)
            if alone_us >= plant.step_us:
                glided = plant.glide(device.servo, *device.valves, raw, alone_us // plant.step_us, device.watch_press_n)
                if glided is not raw:
                    device.went_unattended()
                    raw = glided
                    continue
            raw = plant.step(device.tick(raw))
        self._raw = raw
        self._clock.advance_to(raw.time_us)

    def safe(self, reason: str) -> None:
        """Latch the device's fault state; success shows in the next observation."""
        self._device.safe(self._raw)
        self._device.applied = type(self._device.applied)(self._device.applied.seq, (), True, reason)
