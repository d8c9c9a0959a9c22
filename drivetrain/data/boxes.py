"""Oriented boxes on the plane, for checks before anything is simulated."""

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.scenario import Tracks

Floats = NDArray[np.float64]


def corners(tracks: Tracks, step: int) -> Floats:
    """[agents, 4, 2] corners of every box in the order FL, RL, RR, FR."""
    half_l = 0.5 * tracks.length_m[:, None] * np.array([1.0, -1.0, -1.0, 1.0])
    half_w = 0.5 * tracks.width_m[:, None] * np.array([1.0, 1.0, -1.0, -1.0])
    cos = np.cos(tracks.heading_rad[:, step, None])
    sin = np.sin(tracks.heading_rad[:, step, None])
    x_m = tracks.x_m[:, step, None] + cos * half_l - sin * half_w
    y_m = tracks.y_m[:, step, None] + sin * half_l + cos * half_w
    return np.stack([x_m, y_m], axis=2)


def overlap(box: Floats, others: Floats) -> NDArray[np.bool_]:
    """[n] whether boxes touch one, by separating axes.  box: [4, 2].  others: [n, 4, 2]."""
    mine = np.broadcast_to(box, others.shape)
    axes = np.concatenate([_axes(mine), _axes(others)], axis=1)
    a = np.einsum("nci,nki->nkc", mine, axes)
    b = np.einsum("nci,nki->nkc", others, axes)
    apart = (a.max(axis=2) < b.min(axis=2)) | (b.max(axis=2) < a.min(axis=2))
    return np.asarray(~apart.any(axis=1))


def crosses(box: Floats, edges_m: Floats) -> bool:
    """Whether a side of the box crosses an edge.  box: [4, 2].  edges_m: [edges, 4]."""
    start, side = box[:, None, :], (np.roll(box, -1, axis=0) - box)[:, None, :]
    from_m, along = edges_m[None, :, :2], edges_m[None, :, 2:] - edges_m[None, :, :2]
    turn = _cross(side, along)
    parallel = turn == 0
    turn = np.where(parallel, 1.0, turn)
    on_side = _cross(from_m - start, along) / turn
    on_edge = _cross(from_m - start, side) / turn
    met = (on_side >= 0) & (on_side <= 1) & (on_edge >= 0) & (on_edge <= 1)
    return bool((met & ~parallel).any())


def _axes(boxes: Floats) -> Floats:
    """[boxes, 2, 2] directions of two neighbouring sides."""
    return np.stack([boxes[:, 0] - boxes[:, 1], boxes[:, 1] - boxes[:, 2]], axis=1)


def _cross(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])
