import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.sim.collide import (
    boxes_touch,
    collision_reason,
    edge_crosses,
    time_to_collision,
)
from drivetrain.sim.state import Body, EndReason

PLACE, ANGLE, HALF = st.floats(-8, 8), st.floats(-math.pi, math.pi), st.floats(0.2, 6)
SPEED = st.floats(-15, 15)
BODIES = st.builds(
    lambda x, y, angle, vx, vy, length, width: Body(
        x, y, math.cos(angle), math.sin(angle), vx, vy, length, width
    ),
    PLACE, PLACE, ANGLE, SPEED, SPEED, HALF, HALF,
)  # fmt: skip


def polygon(body: Body) -> shapely.Polygon:
    corners = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    return shapely.Polygon(
        [
            (
                body.x + a * body.half_length * body.cos - b * body.half_width * body.sin,
                body.y + a * body.half_length * body.sin + b * body.half_width * body.cos,
            )
            for a, b in corners
        ]
    )


def later(body: Body, seconds: float) -> Body:
    return body._replace(x=body.x + body.vx * seconds, y=body.y + body.vy * seconds)


@settings(max_examples=50, deadline=None)
@given(BODIES, BODIES)
def test_boxes_touch_where_their_polygons_do(a: Body, b: Body) -> None:
    assert boxes_touch(a, b) == boxes_touch(b, a)
    distance = polygon(a).distance(polygon(b))
    overlap = polygon(a).intersection(polygon(b)).area
    if distance > 1e-9:
        assert not boxes_touch(a, b)
    if overlap > 1e-9:
        assert boxes_touch(a, b)


@settings(max_examples=50, deadline=None)
@given(BODIES, BODIES, ANGLE, st.floats(-100, 100))
def test_turning_and_shifting_both_changes_nothing(
    a: Body, b: Body, angle: float, by: float
) -> None:
    def there(body: Body) -> Body:
        cos, sin = math.cos(angle), math.sin(angle)
        turned = [
            (u * cos - v * sin, u * sin + v * cos)
            for u, v in ((body.x, body.y), (body.cos, body.sin), (body.vx, body.vy))
        ]
        (x, y), heading, velocity = turned
        sizes = (body.half_length, body.half_width)
        return Body(x + by, y - by, *heading, *velocity, *sizes)

    here, moved = time_to_collision(a, b), time_to_collision(there(a), there(b))
    if math.isfinite(here) and math.isfinite(moved):
        assert moved == pytest.approx(here, abs=1e-6)


def test_boxes_that_just_touch_do_touch() -> None:
    a = Body(0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 1.0)
    assert boxes_touch(a, a._replace(x=4.0))
    assert not boxes_touch(a, a._replace(x=4.0 + 1e-9))


@settings(max_examples=50, deadline=None)
@given(BODIES, BODIES)
def test_the_time_to_collision_is_when_the_boxes_first_touch(a: Body, b: Body) -> None:
    soonest = time_to_collision(a, b)
    touching = [
        seconds
        for seconds in np.arange(0.0, 3.0, 0.05)
        if boxes_touch(later(a, seconds), later(b, seconds))
    ]
    if touching:
        assert touching[0] - 0.05 - 1e-6 <= soonest <= touching[0] + 1e-6
    if math.isfinite(soonest):
        distance = polygon(later(a, soonest)).distance(polygon(later(b, soonest)))
        assert distance < 1e-6


@settings(max_examples=50, deadline=None)
@given(BODIES, PLACE, PLACE, PLACE, PLACE)
def test_an_edge_crosses_a_box_where_shapely_says_so(
    body: Body, x0: float, y0: float, x1: float, y1: float
) -> None:
    line, box = shapely.LineString([(x0, y0), (x1, y1)]), polygon(body)
    crosses = edge_crosses(body, (x0, y0, x1, y1))
    if line.distance(box) > 1e-6:
        assert not crosses
    if line.intersection(box).length > 1e-6:
        assert crosses


EGO = Body(0.0, 0.0, 1.0, 0.0, 8.0, 0.0, 2.6, 1.15)
OTHER = Body(0.0, 0.0, 1.0, 0.0, 6.0, 0.0, 2.3, 0.95)


@pytest.mark.parametrize(
    ("ego", "other", "room", "verdict"),
    [
        (EGO, OTHER._replace(x=4.8), 0.5, (EndReason.COLLISION_FRONT, True)),
        (EGO, OTHER._replace(x=-4.8), 0.5, (EndReason.COLLISION_REAR, False)),
        (EGO, OTHER._replace(y=2.0), 0.5, (EndReason.COLLISION_SIDE, False)),
        (EGO, OTHER._replace(y=2.0), -0.1, (EndReason.COLLISION_SIDE, True)),
        (EGO, OTHER._replace(x=4.8, vx=0.0), 0.5, (EndReason.COLLISION_STATIC, True)),
        (EGO._replace(vx=0.0), OTHER._replace(x=4.8), 0.5, (EndReason.COLLISION_FRONT, False)),
        (EGO._replace(vx=0.0), OTHER._replace(y=2.0), -1.0, (EndReason.COLLISION_SIDE, False)),
    ],
)
def test_fault_is_found_as_nuplan_does(
    ego: Body, other: Body, room: float, verdict: tuple[EndReason, bool]
) -> None:
    assert collision_reason(ego, 1.461, other, 0, room) == verdict


def test_a_moving_thing_of_the_static_kind_counts_as_standing() -> None:
    found = collision_reason(EGO, 1.461, OTHER._replace(x=4.8), 3, 0.5)
    assert found == (EndReason.COLLISION_STATIC, True)
