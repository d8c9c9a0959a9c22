"""Chance without a generator's state: what is drawn is a function of what it is drawn for.

So a world's draws depend on the seed, its number, its episode and the step, never on when or
where they are asked for, or on what other worlds do.
"""

import math
from typing import NamedTuple

import numpy as np

from drivetrain.sim.compiled import compiled
from drivetrain.sim.state import Body
from drivetrain.sim.traffic import AGENT, Manner

_EPISODES = np.uint64(0x5851F42D4C957F2D)
"""Keeps these streams apart from the one that scenarios are drawn from."""
_DRAWS = 8

HEADWAY_SHARE, DESIRED_SHARE, ACCELERATION_SHARE, BRAKING_SHARE = 0.5, 0.3, 0.5, 0.4
"""How far a driver's parameters lie from nuPlan's at full strength, as a share, either way:
headways of 0.75 to 2.25 s, about what drivers keep in traffic."""

POSITION_M, VELOCITY_MPS, HEADING_RAD, MISSED = 0.3, 0.5, 0.05, 0.05
"""Standard deviations of what is seen of others at full strength, and how often not at all."""


class Chance(NamedTuple):
    """How much of it there is, from 0 to 1: among drivers, and in how they are seen."""

    agents: float
    sensing: float


class Sight(NamedTuple):
    """How the others are seen: the episode's key, the step, and the noise's strength."""

    key: np.uint64
    step: int
    strength: float


@compiled
def hashed(seed: np.uint64, world: int, number: int) -> np.uint64:
    """64 random-looking bits of three numbers: the finaliser of splitmix64, applied to each."""
    bits = np.uint64(seed)
    for part in (np.uint64(world), np.uint64(number)):
        bits = (bits ^ part) + np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = bits ^ (bits >> np.uint64(31))
    return bits


@compiled
def episode_key(seed: np.uint64, world: int, episode: int) -> np.uint64:
    """What the draws of an episode are made from."""
    return hashed(np.uint64(seed) ^ _EPISODES, world, episode)


@compiled
def share_drawn(key: np.uint64, slot: int, number: int) -> float:
    """A number from 0 to below 1, each as likely."""
    return float(hashed(key, slot, number) >> np.uint64(11)) * 2.0**-53


@compiled
def normal_drawn(key: np.uint64, slot: int, number: int) -> float:
    """A normal number of variance 1 (Box and Muller 1958)."""
    one, other = share_drawn(key, slot, 2 * number), share_drawn(key, slot, 2 * number + 1)
    return math.sqrt(-2.0 * math.log(1.0 - one)) * math.cos(2.0 * math.pi * other)


@compiled
def _varied(value: float, share: float, key: np.uint64, slot: int, number: int) -> float:
    return value * (1.0 + share * (2.0 * share_drawn(key, slot, number) - 1.0))


@compiled
def manner_drawn(key: np.uint64, slot: int, strength: float) -> Manner:
    """How the driver in a slot drives throughout an episode; at strength 0 as all do."""
    return Manner(
        _varied(AGENT.headway_s, strength * HEADWAY_SHARE, key, slot, 0),
        _varied(AGENT.acceleration_mps2, strength * ACCELERATION_SHARE, key, slot, 1),
        _varied(AGENT.braking_mps2, strength * BRAKING_SHARE, key, slot, 2),
        AGENT.standstill_m,
    )


@compiled
def desired_drawn(desired_mps: float, key: np.uint64, slot: int, strength: float) -> float:
    """The speed that the driver in a slot likes where others like desired_mps."""
    return _varied(desired_mps, strength * DESIRED_SHARE, key, slot, 3)


@compiled
def is_missed(sight: Sight, slot: int) -> bool:
    """Whether the body in a slot is not seen at this step."""
    drawn = share_drawn(sight.key, slot, 2 * _DRAWS * (sight.step + 1))
    return drawn < MISSED * sight.strength


@compiled
def _noise(sight: Sight, slot: int, number: int) -> float:
    drawn = normal_drawn(sight.key, slot, _DRAWS * (sight.step + 1) + number)
    return sight.strength * drawn


@compiled
def seen_body(sight: Sight, slot: int, body: Body) -> Body:
    """The body in a slot as it is seen: a little elsewhere, turned, slower or faster."""
    angle = HEADING_RAD * _noise(sight, slot, 1)
    cos, sin = math.cos(angle), math.sin(angle)
    return Body(
        body.x + POSITION_M * _noise(sight, slot, 2),
        body.y + POSITION_M * _noise(sight, slot, 3),
        body.cos * cos - body.sin * sin,
        body.sin * cos + body.cos * sin,
        body.vx + VELOCITY_MPS * _noise(sight, slot, 4),
        body.vy + VELOCITY_MPS * _noise(sight, slot, 5),
        body.half_length,
        body.half_width,
    )


@compiled
def seen_lead(sight: Sight, slot: int, gap_m: float, speed_mps: float) -> tuple[float, float]:
    """(gap, speed) of the lead in a slot as it is seen; gap inf if it is missed."""
    if is_missed(sight, slot):
        return math.inf, 0.0
    gap = gap_m + POSITION_M * _noise(sight, slot, 6)
    return gap, max(0.0, speed_mps + VELOCITY_MPS * _noise(sight, slot, 7))
