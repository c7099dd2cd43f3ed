"""Where every microgram goes: from ground through tools to bin, back, or away. Settled every 50 ms.

Geometry follows parcels: an integer mass is fixed first, then the ground changes by exactly that much, so the account
book and an independent sum of height map, particles and containers agree. What was loosened slumps (`slumping`).
Cuttings that fell back lie as cover with the cover's density; who digs them up again takes them for cover.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from stope.ledger.accounts import MICROGRAMS_PER_KG, Carry, MassBook, kilograms, micrograms
from stope.mission.material import Material
from stope.mission.streams import random_stream
from stope.physics.ejecta import launch_speed
from stope.physics.site_field import SiteField
from stope.robot.messages import Vector
from stope.robot.model import RobotModel
from stope.sim.bit import BitInGround
from stope.sim.drums import DrumsInGround
from stope.sim.ejecta_cloud import EjectaCloud
from stope.sim.gas_head import GasHead
from stope.sim.heightmap import Cells, HeightMap
from stope.sim.slumping import Slopes
from stope.sim.truth import TrueGround

PROPELLANT = "propellant"
#: Share of the kerf that the auger lifts into the bin, while its flights keep up (`physics.drilling.choke_ratio` below
#: 1): assumed. The rest of what the hood keeps falls back at the collar.
LIFTED = 0.90
THROWN_PER_PARCEL_UG = 20_000  # one drawn particle stands for 20 mg
EMPTYING_KG_PER_RAD = 0.05  # a drum that turns backwards empties into the bin, assumed from RASSOR's dump by reversal
CORE_EJECTED_BELOW_M = 5.0e-3  # the stowed bit drops its core into the bin
RIM_SHARE = 0.98  # a drum's spill leaves at its rim: inner over outer diameter of where it is cut
SPOIL_CELLS = 2.0  # width of the ring in which cuttings come down around a collar, before they slump
LEAST_REPOSE_RAD = 0.02  # of a cover that is said to have no friction


@dataclass(frozen=True, slots=True)
class MassError:
    """How well the books close: integer error of the accounts, and the independent sum against them.

    Attributes:
        accounts_ug: sum over all accounts and materials; exactly 0 when every transfer was balanced.
        independent: |independent sum - accounts| over the mass moved, 1.
        moved_kg: mass that left the ground.
    """

    accounts_ug: int
    independent: float
    moved_kg: float


class MassFlow:
    """The mass book of one run and the physical stores that it must agree with."""

    def __init__(
        self,
        model: RobotModel,
        ground: TrueGround,
        heights: HeightMap,
        field: SiteField,
        bit: BitInGround | None,
        drums: DrumsInGround | None,
        seed: int,
    ) -> None:
        self.book = MassBook()
        self.cloud = EjectaCloud(20_000, heights, field, field.escape_speed_m_s)
        self.bin_ug, self.core_ug = 0, 0
        self._model, self._ground, self._heights = model, ground, heights
        self._bit, self._drums = bit, drums
        self._booked_depth_m = self._booked_core_m = 0.0
        self._hole = 0
        self._hole_cells: Cells = np.zeros(0, dtype=np.int64)
        self._collar_cells = self._hole_cells
        self._kerf, self._core, self._loose, self._gas = Carry(), Carry(), Carry(), Carry()
        self._slopes = Slopes(heights, max(np.radians(ground.cover.friction_deg), LEAST_REPOSE_RAD))
        self._recoil = np.zeros(6)
        layers = tuple(material.name for material in ground.strata.materials)
        self._names = tuple(dict.fromkeys((ground.cover.name, *layers)))
        self._cover_at_start_kg = heights.cover_mass_kg(ground.cover.density_kg_m3)
        self._rng = random_stream(seed, "truth.ejecta")
        self.propellant_ug = micrograms(model.propellant_kg)
        if self.propellant_ug:
            self.book.open(PROPELLANT, "tank", self.propellant_ug)
        self._propellant_at_start_ug = self.propellant_ug
        self._waiting: dict[str, int] = {}  # in flight by the book, not yet enough for a particle

    def vent(self, mass_kg: float) -> int:
        """Propellant out of the nozzles; micrograms that really left."""
        vented = min(self._gas.take(mass_kg), self.propellant_ug)
        if vented:
            self.book.transfer(PROPELLANT, "tank", "space", vented)
            self.propellant_ug -= vented
        return vented

    def bore(self, spin_rad_s: float) -> None:
        """Book what the bit cut and what core it broke off since the last call, and take it out of the ground."""
        bit = self._bit
        if bit is None or bit.collar_m is None:
            return
        if bit.holes != self._hole:
            self._begin_hole(bit)
        if not bit.in_hole and self._slopes.held.any():  # its walls are on their own
            self._slopes.held[:] = False
            self._slopes.relax(self._collar_cells)
        if bit.core_held_m > self._booked_core_m:
            self._take_core(bit, bit.core_held_m - self._booked_core_m)
            self._booked_core_m = bit.core_held_m
        if bit.depth_m <= self._booked_depth_m:
            return
        while self._booked_depth_m < bit.depth_m:
            layer, layer_end = bit.layer_below(self._booked_depth_m)
            end = min(bit.depth_m, layer_end)
            self._take_chips(bit, layer, end - self._booked_depth_m, abs(spin_rad_s))
            self._booked_depth_m = end
        self._slopes.relax(self._collar_cells)

    def _begin_hole(self, bit: BitInGround) -> None:
        assert bit.collar_m is not None
        cell = self._heights.cell_m
        hole, ring = (
            self._heights.footprint(bit.collar_m[:2], half, half, 0.0)
            for half in (bit.radius_m + 0.5 * cell, bit.radius_m + (0.5 + SPOIL_CELLS) * cell)
        )
        self._hole, self._booked_depth_m = bit.holes, 0.0
        self._hole_cells, self._collar_cells = hole, np.setdiff1d(ring, hole)
        self._slopes.held[:] = False
        self._slopes.held[hole] = True

    def _take_core(self, bit: BitInGround, length_m: float) -> None:
        """A rock core that broke off at its root: the last `length_m` of the hole, layer by layer."""
        top = max(0.0, self._booked_depth_m - length_m)
        while top < self._booked_depth_m:
            layer, layer_end = bit.layer_below(top)
            end = min(self._booked_depth_m, layer_end)
            material = bit.column[layer].material if layer >= 0 else self._ground.cover
            if layer >= 0:
                volume_m3 = (end - top) * bit.core_m2
                self._sink(layer, volume_m3)
                self._into_tool(material, self._core.take(volume_m3 * material.density_kg_m3))
            top = end

    def _into_tool(self, material: Material, core_ug: int) -> None:
        self.book.transfer(material.name, "ground", "tool", core_ug)
        self.core_ug += core_ug

    def _sink(self, layer: int, volume_m3: float) -> None:
        if self._hole_cells.size:
            self._heights.bore(self._hole_cells, layer, volume_m3)

    def _take_chips(self, bit: BitInGround, layer: int, advance_m: float, spin_rad_s: float) -> None:
        """Chips of one layer's part of the hole; loose ground fills the core tube, too."""
        if layer >= 0:
            material = bit.column[layer].material
            volume_m3 = advance_m * bit.kerf_m2
            self._sink(layer, volume_m3)
            kerf = self._kerf.take(volume_m3 * material.density_kg_m3)
        else:  # what lies there can be taken, no more
            material = self._ground.cover
            whole_m2 = bit.kerf_m2 + bit.core_m2
            wanted = self._loose.take(advance_m * whole_m2 * material.density_kg_m3)
            taken = int(self._heights.excavate(self._hole_cells, -np.inf, wanted, material.density_kg_m3))
            kerf = int(taken * bit.kerf_m2 / whole_m2)
            self._into_tool(material, taken - kerf)
        self._share_out(bit, material, kerf, spin_rad_s)

    def _share_out(self, bit: BitInGround, material: Material, kerf: int, spin_rad_s: float) -> None:
        """Chips to the bin, back to the ground around the collar, and away."""
        assert self._model.drill is not None
        kept = self._model.drill.hood_share
        lifted = int(kerf * min(LIFTED, kept))
        fell = int(kerf * (kept - min(LIFTED, kept)))
        room = micrograms(self._model.bin_capacity_kg) - self.bin_ug
        lifted_to_bin = max(0, min(lifted, room))
        fell += lifted - lifted_to_bin
        thrown = kerf - lifted_to_bin - fell
        self.book.transfer(material.name, "ground", "bin", lifted_to_bin)
        self.bin_ug += lifted_to_bin
        self.book.transfer(material.name, "ground", "fallen_back", fell)
        self._heights.deposit(self._collar_cells, fell, self._ground.cover.density_kg_m3)
        assert bit.collar_m is not None
        kerf_m = self._model.drill.bit_outer_m, self._model.drill.bit_inner_m
        self._fling(material.name, thrown, np.array(bit.collar_m), *kerf_m, spin_rad_s)

    def dig(self, drum: int, centre_m: Vector, rate_rad_s: float, yaw_rad: float, step_s: float) -> None:
        """Book what a drum took from the ground, or what it poured into the bin while turning backwards."""
        drums, name = self._drums, self._ground.cover.name
        assert drums is not None
        assert self._model.drums is not None
        digging = rate_rad_s * self._model.drums.dig_sign[drum] > 0.0
        if digging:
            moved, cells = drums.dig(drum, centre_m, yaw_rad)
            if moved:
                self._slopes.relax(cells)
                spill = int(moved * (1.0 - self._model.drums.hood_share))
                drums.held_ug[drum] -= spill
                self.book.transfer(name, "ground", "tool", moved - spill)
                rim_m = 2.0 * self._model.drums.radius_m
                self._fling(name, spill, centre_m, rim_m, RIM_SHARE * rim_m, abs(rate_rad_s))
        elif drums.held_ug[drum] > 0 and rate_rad_s != 0.0:
            room = micrograms(self._model.bin_capacity_kg) - self.bin_ug
            poured = int(EMPTYING_KG_PER_RAD * MICROGRAMS_PER_KG * abs(rate_rad_s) * step_s)
            pour = min(poured, int(drums.held_ug[drum]), room)
            drums.held_ug[drum] -= pour
            self.bin_ug += pour
            self.book.transfer(name, "tool", "bin", pour)

    def blow(self, head: GasHead, gas_kg: float, period_s: float) -> None:
        """Book what a gas jet loosened: into the bin, back to the ground around the head, and away."""
        sampler, name = self._model.sampler, self._ground.cover.name
        assert sampler is not None
        moved, speed_m_s, cells = head.blow(gas_kg, period_s)
        if not moved:
            return
        room = micrograms(self._model.bin_capacity_kg) - self.bin_ug
        caught = max(0, min(int(moved * sampler.capture_share * head.closeness), room))
        fell = int((moved - caught) * sampler.hood_share * head.closeness)
        self.book.transfer(name, "ground", "bin", caught)
        self.bin_ug += caught
        self.book.transfer(name, "ground", "fallen_back", fell)
        rim = head.rim(SPOIL_CELLS * self._heights.cell_m)
        self._heights.deposit(rim, fell, self._ground.cover.density_kg_m3)
        self._throw(name, moved - caught - fell, head.rim_m, lambda _share: speed_m_s)  # the recoil is the jet's
        self._slopes.relax(np.union1d(cells, rim))

    def stow_core(self, feed_m: float) -> None:
        """A bit that came home drops its core into the bin, as far as that has room; the rest stays in the bit."""
        if self.core_ug and feed_m < CORE_EJECTED_BELOW_M:
            for material in self._names:
                room = micrograms(self._model.bin_capacity_kg) - self.bin_ug
                held = self.book.balance("tool", material) - self._drum_share(material)
                amount = max(0, min(self.core_ug, held, room))
                self.book.transfer(material, "tool", "bin", amount)
                self.bin_ug += amount
                self.core_ug -= amount

    @property
    def bin_fill(self) -> float:
        """0..1."""
        capacity = micrograms(self._model.bin_capacity_kg)
        return self.bin_ug / capacity if capacity else 0.0

    def drum_fill(self) -> Vector:
        """(drums,) 0..1."""
        return self._drums.fill() if self._drums else np.zeros(0)

    @property
    def drums_hold_any(self) -> bool:
        """Whether there is anything in the drums."""
        return self._drums is not None and bool(self._drums.held_ug.any())

    def loads(self) -> dict[str, float]:
        """Mass in kg that links carry beyond their URDF mass, by link."""
        model, loads = self._model, {}
        if model.tank_link:
            loads[model.tank_link] = kilograms(self.propellant_ug) - model.propellant_kg
        if model.bin_link:
            loads[model.bin_link] = kilograms(self.bin_ug + self.core_ug)
        if model.drums is not None and self._drums is not None:
            for name, held in zip(model.drums.links, self._drums.held_ug.tolist(), strict=True):
                loads[name] = kilograms(held)
        return loads

    def fly(self, step_s: float) -> None:
        """Advance the particles; book those that landed, escaped or left the patch."""
        heaped = []
        for landed in self.cloud.step(step_s):
            self.book.transfer(landed.material, "in_flight", landed.account, landed.mass_ug)
            if landed.account == "fallen_back":
                self._heights.deposit(landed.xy_m[None, :], landed.mass_ug, self._ground.cover.density_kg_m3)
                heaped.append(landed.xy_m)
        if heaped:
            cells = self._heights.cell_of(np.array(heaped))
            self._slopes.relax(cells[cells >= 0])

    def take_recoil(self) -> Vector:
        """(6,) impulse, N s, and its moment about the world origin, of what was thrown since the last call."""
        recoil, self._recoil = self._recoil, np.zeros(6)
        return recoil

    def error(self) -> MassError:
        """Compare the accounts with an independent sum over the physical stores."""
        heights_kg = self._heights.cover_mass_kg(self._ground.cover.density_kg_m3) - self._cover_at_start_kg
        layers = enumerate(self._ground.strata.materials)
        hole_kg = sum(self._heights.bored_m3(number) * material.density_kg_m3 for number, material in layers)
        carried_kg = (self._kerf.remainder_ug + self._core.remainder_ug) / MICROGRAMS_PER_KG
        held_ug = self.bin_ug + self.core_ug + (int(self._drums.held_ug.sum()) if self._drums else 0)
        away_ug = sum(self.book.total(account) for account in ("escaped", "beyond_patch"))
        flying_ug = int(self.cloud.masses_ug().sum()) + sum(self._waiting.values())
        stores_kg = (held_ug + away_ug + flying_ug) / MICROGRAMS_PER_KG
        moved_ug = -self.book.total("ground")
        residual = heights_kg - hole_kg + carried_kg + stores_kg
        moved_kg = moved_ug / MICROGRAMS_PER_KG
        gas = abs(self.propellant_ug + self.book.total("space") - self._propellant_at_start_ug)
        return MassError(self.book.total_error_ug() + gas, abs(residual) / moved_kg if moved_ug else 0.0, moved_kg)

    def _drum_share(self, material: str) -> int:
        if self._drums is None or material != self._ground.cover.name:
            return 0
        return int(self._drums.held_ug.sum())

    def _fling(
        self, material: str, mass_ug: int, point_m: Vector, outer_m: float, inner_m: float, rate_rad_s: float
    ) -> None:
        """Ejecta of a turning tool leave with the speed of its edge where they were cut; it feels their recoil."""
        speed = partial(launch_speed, outer_m=outer_m, inner_m=inner_m, rate_rad_s=rate_rad_s)
        impulse = -self._throw(material, mass_ug, point_m, lambda share: float(speed(share)))
        if impulse.any():
            self._recoil += np.concatenate((impulse, np.cross(point_m, impulse)))

    def _throw(self, material: str, mass_ug: int, point_m: Vector, speed_m_s: Callable[[float], float]) -> Vector:
        """Ejecta: mass leaves the ground upward and outward, with a speed by quantile. One particle per 20 mg.

        Returns:
            (3,) momentum of what has left now, N s.
        """
        self.book.transfer(material, "ground", "in_flight", mass_ug)
        waiting = self._waiting.get(material, 0) + mass_ug
        if waiting < THROWN_PER_PARCEL_UG:
            self._waiting[material] = waiting
            return np.zeros(3)
        self._waiting[material] = 0
        azimuth = self._rng.uniform(0.0, 2.0 * np.pi)
        elevation = self._rng.uniform(np.radians(20.0), np.radians(70.0))
        speed = speed_m_s(self._rng.uniform())
        flat = speed * np.cos(elevation)
        velocity = np.array((flat * np.cos(azimuth), flat * np.sin(azimuth), speed * np.sin(elevation)))
        start = point_m + np.array((0.0, 0.0, 1e-3))
        self.cloud.launch(start[None, :], velocity[None, :], np.array([waiting]), material)
        return kilograms(waiting) * velocity
