"""Whether cars ran into each other, over a whole log."""

import math

import numpy as np

from drivetrain.data.lines import Floats
from drivetrain.sim.collide import boxes_touch
from drivetrain.sim.compiled import compiled
from drivetrain.sim.scenario import Tracks
from drivetrain.sim.state import Body


def others_touch(tracks: Tracks, ego: int) -> bool:
    """Whether any two agents besides the ego ever touch."""
    others = np.arange(len(tracks.x_m)) != ego
    boxes = np.stack([tracks.x_m, tracks.y_m, tracks.heading_rad, tracks.valid])[:, others]
    half_m = 0.5 * np.stack([tracks.length_m, tracks.width_m])[:, others]
    return bool(_any_touch(np.ascontiguousarray(boxes, np.float64), half_m))


@compiled
def _any_touch(boxes: Floats, half_m: Floats) -> bool:
    """boxes: [x, y, heading, valid; agents; steps].  half_m: [length, width; agents]."""
    for step in range(boxes.shape[2]):
        for i in range(boxes.shape[1]):
            if boxes[3, i, step] == 0.0:
                continue
            a = _body(boxes, half_m, i, step)
            for j in range(i):
                reach = half_m[0, i] + half_m[1, i] + half_m[0, j] + half_m[1, j]
                dx, dy = boxes[0, j, step] - a.x, boxes[1, j, step] - a.y
                is_near = boxes[3, j, step] != 0.0 and dx * dx + dy * dy <= reach * reach
                if is_near and boxes_touch(a, _body(boxes, half_m, j, step)):
                    return True
    return False


@compiled
def _body(boxes: Floats, half_m: Floats, agent: int, step: int) -> Body:
    heading = boxes[2, agent, step]
    return Body(
        boxes[0, agent, step],
        boxes[1, agent, step],
        math.cos(heading),
        math.sin(heading),
        0.0,
        0.0,
        half_m[0, agent],
        half_m[1, agent],
    )
