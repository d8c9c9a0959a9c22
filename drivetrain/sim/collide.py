"""Oriented boxes: whether they touch, when they will, and whose fault it was."""

import math

from drivetrain.sim.compiled import compiled
from drivetrain.sim.state import Body, EndReason

STOPPED_MPS = 0.05
BEHIND_COS = math.cos(math.radians(150.0))
STATIC_CATEGORY = 3

_FRONT = int(EndReason.COLLISION_FRONT)
_REAR = int(EndReason.COLLISION_REAR)
_SIDE = int(EndReason.COLLISION_SIDE)
_STATIC = int(EndReason.COLLISION_STATIC)


@compiled
def boxes_touch(a: Body, b: Body) -> bool:
    """Whether two boxes overlap or touch: no axis of either separates them."""
    dx, dy = b.x - a.x, b.y - a.y
    cos = abs(a.cos * b.cos + a.sin * b.sin)
    sin = abs(a.cos * b.sin - a.sin * b.cos)
    if abs(dx * a.cos + dy * a.sin) > a.half_length + cos * b.half_length + sin * b.half_width:
        return False
    if abs(dy * a.cos - dx * a.sin) > a.half_width + sin * b.half_length + cos * b.half_width:
        return False
    if abs(dx * b.cos + dy * b.sin) > b.half_length + cos * a.half_length + sin * a.half_width:
        return False
    return not (
        abs(dy * b.cos - dx * b.sin) > b.half_width + sin * a.half_length + cos * a.half_width
    )


@compiled
def _narrowed(
    span: tuple[float, float], at: float, speed: float, reach: float
) -> tuple[float, float]:
    """The part of a time span in which |at + speed * t| <= reach."""
    if abs(speed) < 1e-9:
        return span if abs(at) <= reach else (math.inf, -math.inf)
    one, other = (-reach - at) / speed, (reach - at) / speed
    return max(span[0], min(one, other)), min(span[1], max(one, other))


@compiled
def collision_span(a: Body, b: Body) -> tuple[float, float]:
    """From when until when two boxes touch if both keep velocity and heading, in s from now.

    They touch exactly while no axis separates them: the intersection over four axes. The first
    number is larger than the second if they never do.
    """
    dx, dy, vx, vy = b.x - a.x, b.y - a.y, b.vx - a.vx, b.vy - a.vy
    cos = abs(a.cos * b.cos + a.sin * b.sin)
    sin = abs(a.cos * b.sin - a.sin * b.cos)
    span = (0.0, math.inf)
    reach = a.half_length + cos * b.half_length + sin * b.half_width
    span = _narrowed(span, dx * a.cos + dy * a.sin, vx * a.cos + vy * a.sin, reach)
    reach = a.half_width + sin * b.half_length + cos * b.half_width
    span = _narrowed(span, dy * a.cos - dx * a.sin, vy * a.cos - vx * a.sin, reach)
    reach = b.half_length + cos * a.half_length + sin * a.half_width
    span = _narrowed(span, dx * b.cos + dy * b.sin, vx * b.cos + vy * b.sin, reach)
    reach = b.half_width + sin * a.half_length + cos * a.half_width
    return _narrowed(span, dy * b.cos - dx * b.sin, vy * b.cos - vx * b.sin, reach)


@compiled
def time_to_collision(a: Body, b: Body) -> float:
    """Seconds until two boxes touch if both keep velocity and heading; inf if never."""
    span = collision_span(a, b)
    return span[0] if span[0] <= span[1] else math.inf


@compiled
def edge_crosses(box: Body, edge: tuple[float, float, float, float]) -> bool:
    """Whether a line x0, y0, x1, y1 meets the box: what is left of it inside both slabs."""
    dx, dy = edge[0] - box.x, edge[1] - box.y
    ux, uy = edge[2] - edge[0], edge[3] - edge[1]
    span = (0.0, 1.0)
    ahead, step = dx * box.cos + dy * box.sin, ux * box.cos + uy * box.sin
    span = _narrowed(span, ahead, step, box.half_length)
    aside, step = dy * box.cos - dx * box.sin, uy * box.cos - ux * box.sin
    span = _narrowed(span, aside, step, box.half_width)
    return span[0] <= span[1]


@compiled
def collision_reason(
    ego: Body, rear_to_centre_m: float, other: Body, category: int, lane_room_m: float
) -> tuple[int, bool]:
    """(EndReason, whether the ego is at fault) of a collision, by nuPlan's rule.

    lane_room_m: from the side of the ego's box to the boundary of its lane; negative beyond it.
    nuPlan asks whether the ego stood in common or connected lanes; here it asks whether its box
    was within its own lane. At fault are a front collision, one with something that stands, and
    a side collision outside the own lane; never an ego that stood.
    """
    dx, dy = other.x - ego.x, other.y - ego.y
    ahead = dx * ego.cos + dy * ego.sin + rear_to_centre_m
    aside = dy * ego.cos - dx * ego.sin
    is_behind = ahead < BEHIND_COS * math.sqrt(ahead * ahead + aside * aside)
    ego_moves = ego.vx * ego.vx + ego.vy * ego.vy > STOPPED_MPS * STOPPED_MPS
    other_stands = other.vx * other.vx + other.vy * other.vy <= STOPPED_MPS * STOPPED_MPS
    if ego_moves and (other_stands or category == STATIC_CATEGORY):
        return _STATIC, True
    if is_behind:
        return _REAR, False
    if boxes_touch(_front_bumper(ego), other):
        return _FRONT, ego_moves
    return _SIDE, ego_moves and lane_room_m < 0.0


@compiled
def _front_bumper(box: Body) -> Body:
    """The front side of a box, as a box without length."""
    x, y = box.x + box.cos * box.half_length, box.y + box.sin * box.half_length
    return Body(x, y, box.cos, box.sin, box.vx, box.vy, 0.0, box.half_width)
