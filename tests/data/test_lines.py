"""Polylines: where points lie beside them."""

from itertools import pairwise

import numpy as np
import pytest

from drivetrain.data import lines


def by_looking_everywhere(
    line_m: np.ndarray, point_m: np.ndarray
) -> tuple[float, float, float]:
    """The way along a line to the nearest place, its distance, and the heading there."""
    best = (0.0, np.inf, 0.0)
    way_m = 0.0
    for begin, end in pairwise(line_m):
        along = end - begin
        share = np.clip((point_m - begin) @ along / max(along @ along, 1e-12), 0.0, 1.0)
        away_m = np.hypot(*(point_m - begin - share * along))
        if away_m < best[1]:
            best = (way_m + share * np.hypot(*along), away_m, np.arctan2(*along[::-1]))
        way_m += np.hypot(*along)
    return best


def roads(count: int) -> list[np.ndarray]:
    """Lines that wind, cross themselves, stand still and jump."""
    random = np.random.default_rng(7)
    found = []
    for at in range(count):
        turns = random.normal(0.0, (0.02, 0.2, 1.5)[at % 3], int(random.integers(2, 120)))
        steps = random.choice([0.0, 0.3, 1.0, 30.0], len(turns), p=[0.05, 0.25, 0.6, 0.1])
        heading = np.cumsum(turns)
        moves = steps[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
        found.append(np.concatenate([np.zeros((1, 2)), np.cumsum(moves, axis=0)]))
    return found


def test_points_are_projected_on_the_nearest_place_of_a_line() -> None:
    random = np.random.default_rng(3)
    for line in roads(60):
        # Some far apart, as if seen by chance, and some one after the other.
        points = np.concatenate(
            [random.uniform(-60.0, 60.0, (20, 2)), line[:40] + random.normal(0.0, 2.0, 2)]
        )
        expected = np.transpose([by_looking_everywhere(line, point) for point in points])
        way, away, heading = lines.project(line, points)
        np.testing.assert_allclose(away, expected[1], atol=1e-9)
        # At a kink two pieces are equally near; elsewhere the place is one.
        same = np.isclose(way, expected[0], atol=1e-6)
        assert same.mean() > 0.9
        turned = np.abs(lines.turned(heading - expected[2]))
        assert (turned[same] < 1e-9).mean() > 0.8


def test_where_a_point_lies_does_not_depend_on_the_points_before_it() -> None:
    random = np.random.default_rng(5)
    for line in roads(30):
        points = random.uniform(-60.0, 60.0, (30, 2))
        together = np.stack(lines.project(line, points))
        alone = [np.stack(lines.project(line, point[None]))[:, 0] for point in points]
        np.testing.assert_array_equal(together, np.transpose(alone))


def test_several_lines_are_projected_on_as_each_alone() -> None:
    random = np.random.default_rng(9)
    known, points = roads(12), random.uniform(-60.0, 60.0, (25, 2))
    together = lines.project_on_each([lines.pieces(line) for line in known], points)
    alone = [lines.project(line, points) for line in known]
    for at, found in enumerate(together):
        np.testing.assert_array_equal(found, [each[at] for each in alone])


def test_between_two_equally_near_places_the_first_counts() -> None:
    bend = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])
    way, away, heading = lines.project(bend, np.array([[4.0, 5.0]]))
    assert (way[0], away[0], heading[0]) == (4.0, 5.0, 0.0)


def test_a_single_point_is_no_line() -> None:
    with pytest.raises(ValueError, match="two points"):
        lines.project(np.zeros((1, 2)), np.zeros((3, 2)))


def test_the_middle_of_numbers_is_their_median() -> None:
    random = np.random.default_rng(2)
    for count in range(1, 30):
        numbers = random.normal(size=count)
        assert lines.middle(numbers) == np.median(numbers)
