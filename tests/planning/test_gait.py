"""An expedition on foot: the measured gait prices each metre of way, and nothing else of the question."""

from __future__ import annotations

import math
from typing import get_args

import pytest

from stope.mission.expedition import Expedition, Margins, Rover, read_expedition
from stope.planning.framing import frame
from stope.planning.gait import GAITS
from stope.planning.ways import way_m


def on_foot(shipped: str, gait: str | None) -> Expedition:
    expedition = read_expedition(shipped)[0]
    return expedition.model_copy(update={"rovers": expedition.rovers.model_copy(update={"gait": gait})})


def test_ways_cost_what_was_measured() -> None:
    gait, expedition = GAITS["miner_walk"], on_foot("bennu_six_days", "miner_walk")
    walked, plain = (
        frame(expedition, Margins(time=1, energy=1)),
        frame(on_foot("bennu_six_days", None), Margins(time=1, energy=1)),
    )
    places = [expedition.depot, *((site.x_m, site.y_m) for site in expedition.sites)]
    discs = [(zone.x_m, zone.y_m, zone.radius_m) for zone in expedition.agreement.keep_out]
    for here, a in enumerate(places):
        for there, b in enumerate(places):
            minutes = way_m(a, b, discs) * gait.seconds_per_m / 60.0
            assert minutes <= walked.travel_minutes[here][there] < minutes + 2.0
            assert walked.travel_energy[here][there] == pytest.approx(
                minutes * gait.joules_per_m / gait.seconds_per_m, abs=2
            )
    assert walked.travel_minutes[0][1] > 10 * plain.travel_minutes[0][1]  # six metres a minute are not walked
    assert walked.sites[0].steps == plain.sites[0].steps


def test_gaits_are_those_of_the_file_and_say_where_they_were_measured() -> None:
    asked = next(each for each in get_args(Rover.model_fields["gait"].annotation) if each is not type(None))
    assert set(get_args(asked)) == set(GAITS)
    for gait in GAITS.values():
        assert gait.source
        assert gait.date
        assert math.isfinite(gait.seconds_per_m * gait.joules_per_m)
        assert gait.seconds_per_m > 0.0
        assert gait.joules_per_m > 0.0
