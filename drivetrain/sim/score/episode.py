"""The score of an episode, from what its steps wrote down."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.compiled import called, inlined
from drivetrain.sim.lane_map import LaneMap
from drivetrain.sim.score.association import associate
from drivetrain.sim.score.comfort import Ride, comfort_score
from drivetrain.sim.score.corners import Corners, keeps_to_lanes, new_corners
from drivetrain.sim.score.drivable import drivable_score
from drivetrain.sim.score.drive import Drive, first_frames, new_drive
from drivetrain.sim.score.ground import is_in_intersection
from drivetrain.sim.score.lane_rules import (
    DIRECTION_S,
    direction_score,
    most_against,
    moves_along,
    speed_score,
)
from drivetrain.sim.score.meeting import LEAST_TTC_S, collision_score
from drivetrain.sim.score.progress import ENOUGH_PROGRESS, come_along, progress_score
from drivetrain.sim.score.record import GROUPS, Mark, Noted
from drivetrain.sim.score.terms import Terms
from drivetrain.sim.state import Bytes, Floats, Ints

X, Y, HEADING, SPEED = int(Noted.X), int(Noted.Y), int(Noted.HEADING), int(Noted.SPEED)
ACCELERATION, YAW_RATE = int(Noted.ACCELERATION), int(Noted.YAW_RATE)
TTC_AHEAD, TTC_BESIDE = int(Noted.TTC_AHEAD), int(Noted.TTC_BESIDE)
HITS, SIDE_HITS, CROSSES = int(Mark.HITS), int(Mark.SIDE_HITS), int(Mark.CROSSES)
AS_NUPLAN, IN_TRUTH = True, False


class Chassis(NamedTuple):
    """The ego's box, and where its rear axle is."""

    half_length: float
    half_width: float
    rear_to_centre: float


class Expert(NamedTuple):
    """Whom the ego is compared with.

    blocks: [blocks] the chain of roadblocks it drove through, a lane of each.
    along_m: how far along them it had come when the episode's time was up; NaN for an ego that
    there is no expert for.
    """

    blocks: NDArray[np.int32]
    along_m: float


class LaneTerms(NamedTuple):
    """What only a road with lanes tells."""

    progress: float
    limit: float
    direction: float
    true_direction: float


class Workplace(NamedTuple):
    """Room for one thread to score in, whose content means nothing between episodes.

    drive: [frames ...].  keeps: [frames] whether it kept to its lanes.  hits: [GROUPS].
    The floats are [frames].
    """

    drive: Drive
    along: Floats
    across: Floats
    total: Floats
    one: Floats
    other: Floats
    keeps: Bytes
    hits: Ints
    corners: Corners


def new_workplace(frames: int) -> Workplace:
    """Room for episodes of so many frames."""
    along, across, total, one, other = (np.full(frames, np.nan) for _ in range(5))
    return Workplace(
        drive=new_drive(frames),
        along=along,
        across=across,
        total=total,
        one=one,
        other=other,
        keeps=np.zeros(frames, np.uint8),
        hits=np.zeros(GROUPS, np.int64),
        corners=new_corners(),
    )


@called
def score_episode(
    roads: LaneMap,
    road: int,
    expert: Expert,
    motion: Floats,
    marks: Bytes,
    chassis: Chassis,
    work: Workplace,
    step_s: float,
) -> tuple[Terms, bool]:
    """(every metric, whether any collision was the ego's fault) of a recorded episode.

    motion, marks: [frames, columns], rows of a `Record`.
    """
    drive = _driven(motion, chassis, work.drive)
    box = (chassis.half_length, chassis.half_width)
    if roads.first_lane[road + 1] > roads.first_lane[road]:
        associate(roads, road, drive)
        last = _last_doubt(motion, marks)
        x, y, heading = drive.x[:last], drive.y[:last], drive.heading[:last]
        keeps_to_lanes(roads, road, x, y, heading, box, work.corners, work.keeps)
        told = _lane_terms(roads, road, expert, drive, work.one[: len(motion)], step_s)
    else:
        told = LaneTerms(math.nan, math.nan, math.nan, math.nan)
    at_fault, near = _meetings(roads, road, motion, marks, work)
    comfortable, truly_comfortable, lateral = _ride(motion, chassis, work, step_s)
    terms = Terms(
        nuplan_no_ego_at_fault_collisions=collision_score(work.hits),
        nuplan_drivable_area_compliance=drivable_score(
            roads, road, drive, marks[:, CROSSES], box
        ),
        nuplan_ego_is_making_progress=_enough(told.progress),
        nuplan_driving_direction_compliance=told.direction,
        nuplan_ego_progress_along_expert_route=told.progress,
        nuplan_time_to_collision_within_bound=0.0 if near else 1.0,
        nuplan_speed_limit_compliance=told.limit,
        nuplan_ego_is_comfortable=comfortable,
        comfort=truly_comfortable,
        driving_direction=told.true_direction,
        lateral_mps2=lateral,
    )
    return terms, at_fault


@inlined
def _driven(motion: Floats, chassis: Chassis, room: Drive) -> Drive:
    """The frames of a record in that room, on no lane yet."""
    frames = len(motion)
    drive = first_frames(room, frames)
    for i in range(frames):
        heading = motion[i, HEADING]
        drive.x[i] = motion[i, X] + chassis.rear_to_centre * math.cos(heading)
        drive.y[i] = motion[i, Y] + chassis.rear_to_centre * math.sin(heading)
        drive.heading[i], drive.speed[i] = heading, motion[i, SPEED]
        drive.counts[i] = 0
    return drive


@inlined
def _lane_terms(
    roads: LaneMap, road: int, expert: Expert, drive: Drive, room: Floats, step_s: float
) -> LaneTerms:
    """What the lanes of a drive tell.  room: [frames] to work in."""
    # A hair of tolerance: ten steps of 0.1 s are a second.
    window = int(DIRECTION_S / step_s + 1e-9)
    moves_along(roads, drive, AS_NUPLAN, room)
    direction = direction_score(most_against(room, window))
    moves_along(roads, drive, IN_TRUTH, room)
    true_direction = direction_score(most_against(room, window - 1))
    # As in nuPlan, without a route there is no progress to miss.
    progress = math.nan if math.isnan(expert.along_m) else 1.0
    if len(expert.blocks) > 0 and not math.isnan(expert.along_m):
        come_along(roads, road, expert.blocks, drive, room)
        progress = progress_score(room[len(room) - 1], expert.along_m)
    limit = speed_score(roads, drive, step_s)
    return LaneTerms(progress, limit, direction, true_direction)


@inlined
def _enough(progress: float) -> float:
    if math.isnan(progress):
        return math.nan
    return 1.0 if progress >= ENOUGH_PROGRESS else 0.0


@inlined
def _last_doubt(motion: Floats, marks: Bytes) -> int:
    """How many frames it takes to know the lanes of the corners wherever they matter."""
    last = 0
    for i in range(len(motion)):
        doubt = motion[i, TTC_BESIDE] < LEAST_TTC_S and motion[i, TTC_AHEAD] > LEAST_TTC_S
        for group in range(GROUPS):
            doubt = doubt or marks[i, SIDE_HITS + group] > 0
        if doubt:
            last = i + 1
    return last


@inlined
def _meetings(
    roads: LaneMap, road: int, motion: Floats, marks: Bytes, work: Workplace
) -> tuple[bool, bool]:
    """(whether at fault, whether ever too near); counts the hits at fault into work.hits.

    On a road without lanes nobody can be between them: who is beside does not count there.
    """
    has_lanes = roads.first_lane[road + 1] > roads.first_lane[road]
    at_fault = near = False
    for group in range(GROUPS):
        work.hits[group] = 0
    for i in range(len(motion)):
        for group in range(GROUPS):
            hits = int(marks[i, HITS + group])
            if marks[i, SIDE_HITS + group] and not work.keeps[i]:
                hits += int(marks[i, SIDE_HITS + group])
            work.hits[group] += hits
            at_fault = at_fault or hits > 0
            near = near or hits > 0
        near = near or motion[i, TTC_AHEAD] < LEAST_TTC_S
        if has_lanes and not near and motion[i, TTC_BESIDE] < LEAST_TTC_S:
            x, y = motion[i, X], motion[i, Y]
            near = not work.keeps[i] or is_in_intersection(roads.ground, road, x, y)
    return at_fault, near


@inlined
def _ride(
    motion: Floats, chassis: Chassis, work: Workplace, step_s: float
) -> tuple[float, float, float]:
    """(nuPlan's comfort, comfort in truth, largest v * w)."""
    frames = len(motion)
    along, across, total = work.along[:frames], work.across[:frames], work.total[:frames]
    ride = Ride(
        work.drive.heading[:frames],
        along,
        across,
        total,
        work.one[:frames],
        work.other[:frames],
    )
    reach, lateral = chassis.rear_to_centre, 0.0
    for i in range(frames):
        rate = motion[i, YAW_RATE]
        turning = (rate - motion[i - 1, YAW_RATE]) / step_s if i > 0 else 0.0
        along[i] = motion[i, ACCELERATION] + reach * (rate * rate + turning)
        across[i] = 0.0
        total[i] = abs(motion[i, ACCELERATION])
    as_nuplan = comfort_score(ride, step_s)
    for i in range(frames):
        rate, speed = motion[i, YAW_RATE], motion[i, SPEED]
        turning = (rate - motion[i - 1, YAW_RATE]) / step_s if i > 0 else 0.0
        along[i] = motion[i, ACCELERATION] - reach * rate * rate
        across[i] = speed * rate + reach * turning
        total[i] = math.sqrt(along[i] * along[i] + across[i] * across[i])
        lateral = max(lateral, abs(speed * rate))
    return as_nuplan, comfort_score(ride, step_s), lateral
