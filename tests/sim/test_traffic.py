import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.sim.pack import pack
from drivetrain.sim.road import Paths, paths_of
from drivetrain.sim.state import Body
from drivetrain.sim.traffic import (
    AGENT,
    EMERGENCY_MPS2,
    Follower,
    Manner,
    drive_on,
    farthest_lead,
    idm_acceleration,
    lead_in_corridor,
)
from tests.scenes import LANE_M, arc, road, scene

NUPLANS = Manner(1.5, 0.73, 1.67, 2.0)


def test_nuplans_golden_numbers_come_out() -> None:
    # Agent at 5 m with 3 m/s, lead at 15 m with 2 m/s; 5 m of lengths in between.
    acceleration = idm_acceleration(3.0, 30.0, 5.0, 2.0, NUPLANS)
    assert acceleration == pytest.approx(-1.073366, abs=1e-6)
    assert 3.0 + 0.5 * acceleration == pytest.approx(2.46331699693, abs=1e-6)


def test_at_the_equilibrium_gap_nobody_accelerates() -> None:
    speed, desired = 10.0, 15.0
    wanted = AGENT.standstill_m + speed * AGENT.headway_s
    gap = wanted / math.sqrt(1.0 - (speed / desired) ** 4)
    assert idm_acceleration(speed, desired, gap, speed, AGENT) == pytest.approx(0.0, abs=1e-12)


def test_a_free_road_is_driven_at_the_desired_speed_and_no_desire_means_standing() -> None:
    assert idm_acceleration(15.0, 15.0, math.inf, 0.0, AGENT) == 0.0
    assert idm_acceleration(0.0, 15.0, math.inf, 0.0, AGENT) == AGENT.acceleration_mps2
    assert idm_acceleration(5.0, 0.0, math.inf, 0.0, AGENT) == -AGENT.braking_mps2


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 40), st.floats(0, 40), st.floats(-5, 200), st.floats(0, 40))
def test_acceleration_is_bounded_and_falls_with_a_smaller_gap(
    speed: float, desired: float, gap: float, lead: float
) -> None:
    near = idm_acceleration(speed, desired, gap, lead, AGENT)
    far = idm_acceleration(speed, desired, gap + 5.0, lead, AGENT)
    assert -EMERGENCY_MPS2 <= near <= far <= AGENT.acceleration_mps2


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.floats(2, 30), st.floats(0, 15)), min_size=2, max_size=6),
    st.floats(0, 15),
)
def test_a_platoon_behind_a_car_that_stops_never_collides(
    gaps_and_speeds: list[tuple[float, float]], first: float
) -> None:
    places, speeds = [0.0], [first]
    for gap, speed in gaps_and_speeds:
        # Nobody starts in a state from which full braking would not help.
        least = (max(speed**2 - speeds[-1] ** 2, 0.0)) / 4.0 + speed
        places.append(places[-1] - gap - least - 5.0)
        speeds.append(speed)
    for _ in range(300):
        leads = [(math.inf, 0.0)] + [
            (front - back - 5.0, speed)
            for front, back, speed in zip(places, places[1:], speeds, strict=False)
        ]
        decisions = [
            idm_acceleration(speed, 0.0 if number == 0 else 15.0, gap, lead, AGENT)
            for number, (speed, (gap, lead)) in enumerate(zip(speeds, leads, strict=True))
        ]
        moved = [
            drive_on(place, 0.0, speed, decision)
            for place, speed, decision in zip(places, speeds, decisions, strict=True)
        ]
        places, speeds = [place for place, _, _ in moved], [speed for _, _, speed in moved]
        assert all(front - back > 5.0 for front, back in pairwise(places))


def body(x: float, y: float, heading: float = 0.0, speed: float = 0.0) -> Body:
    cos, sin = math.cos(heading), math.sin(heading)
    return Body(x, y, cos, sin, speed * cos, speed * sin, 2.3, 0.95)


def on_path(paths: Paths, points: int, along: float) -> Follower:
    k = int(along)
    return Follower(
        0,
        points,
        along,
        0.0,
        float(paths.x[k]),
        float(paths.y[k]),
        float(paths.cos[k]),
        float(paths.sin[k]),
        2.3,
        0.95,
    )


@pytest.mark.parametrize("radius", [math.inf, 200.0, 30.0])
def test_a_car_ahead_in_the_lane_is_the_lead_and_one_beside_it_is_not(radius: float) -> None:
    arrays = pack([scene(road(radius, 90.0), [(0, 5, 5)])])
    paths, points = paths_of(arrays), int(arrays.first_point[1])
    me = on_path(paths, points, 10.0)
    for gap in (1.0, 10.0, 30.0):
        along = 10.0 + 4.6 + gap
        heading = 0.0 if math.isinf(radius) else along / radius
        for lane in (0, 1):
            x, y = arc(radius, 90.0, lane * LANE_M)[round(along) : round(along) + 1][0]
            found, speed = lead_in_corridor(paths, me, body(x, y, heading, 7.0))
            if lane == 0:
                assert found == pytest.approx(gap, abs=0.7)
                assert speed == pytest.approx(7.0, rel=0.01)
            else:
                assert math.isinf(found)


def test_who_crosses_the_lane_is_a_lead_that_does_not_move_along_it() -> None:
    arrays = pack([scene(road(), [(0, 5, 5)])])
    paths, points = paths_of(arrays), int(arrays.first_point[1])
    me = on_path(paths, points, 10.0)
    gap, speed = lead_in_corridor(paths, me, body(30.0, 2.5, -math.pi / 2, 5.0))
    assert gap == pytest.approx(20.0 - 2.3 - 0.95)
    assert speed == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from([math.inf, 100.0, 30.0]),
    st.integers(0, 2**32 - 1),
)
def test_nobody_beyond_the_farthest_lead_is_a_nearer_one(radius: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    arrays = pack([scene(road(radius, 90.0), [(0, 5, 5)])])
    paths, points = paths_of(arrays), int(arrays.first_point[1])
    me = on_path(paths, points, float(random.integers(0, 60)))
    for _ in range(50):
        x, y = me.x + random.uniform(-80, 80), me.y + random.uniform(-80, 80)
        other = body(x, y, random.uniform(-3, 3))
        gap, _ = lead_in_corridor(paths, me, other)
        if not math.isinf(gap):
            assert math.hypot(x - me.x, y - me.y) <= farthest_lead(me, gap, 3.25)
