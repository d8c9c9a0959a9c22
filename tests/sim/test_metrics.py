import numpy as np
import pytest
from numpy.typing import NDArray

from drivetrain.sim.config import Actions, EnvironmentSettings
from drivetrain.sim.metrics import drive_each, progress_ratio
from drivetrain.sim.pack import pack
from drivetrain.sim.planners import IdmDriver, RandomDriver
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.world import EndReason, Worlds
from tests.scenes import road, scene


def scenes() -> ScenarioArrays:
    return pack(
        [
            scene(road(), [(1, 20, 10)]),
            scene(road(), [(1, 20, 12), (1, 45, 5), (0, 15, 9), (2, 30, 14)]),
            scene(road(25.0, 60.0, lanes=1), [(0, 5, 3)]),
            scene(road(lanes=1), [(0, 20, 10), (0, 60, 0)]),
        ]
    )


class Still:
    """Never touches the pedals or the wheel."""

    actions: Actions = "bicycle"

    def act(self, worlds: Worlds) -> NDArray[np.float32]:
        return np.zeros((worlds.num_worlds, 2), np.float32)


def test_the_rules_driver_keeps_its_lane_its_gap_and_its_speed() -> None:
    table = drive_each(scenes(), np.arange(3), EnvironmentSettings(), IdmDriver())
    assert table.success.all()
    assert not table.collision.any()
    assert table.progress[0] == 1.0


def test_the_rules_driver_stops_behind_a_car_that_stands() -> None:
    table = drive_each(scenes(), np.array([3]), EnvironmentSettings(), IdmDriver())
    assert EndReason(int(table.end_reason[0])) is EndReason.TIME
    assert not table.collision[0]


def test_a_driver_who_does_nothing_is_judged_by_what_happened() -> None:
    table = drive_each(scenes(), np.arange(4), EnvironmentSettings(), Still())
    assert table.success.tolist()[2:] == [False, False]
    assert table.off_road.tolist()[2:] == [True, False]
    assert table.at_fault_collision[3]
    assert table.progress[0] == pytest.approx(1.0, abs=0.01)
    assert table.success[0]


def test_every_pick_is_driven_once_and_reported_at_its_place() -> None:
    picks = np.array([2, 0, 1, 1, 3] * 60)
    table = drive_each(scenes(), picks, EnvironmentSettings(), RandomDriver(1))
    np.testing.assert_array_equal(table.scenario, picks)
    assert np.all(table.end_reason != EndReason.NONE)
    assert table.success.mean() < 0.2


def test_progress_is_a_share_of_the_experts_between_0_and_1() -> None:
    moved, expert = np.array([0.0, 50.0, 150.0, 0.0]), np.array([100.0, 100.0, 100.0, 0.5])
    np.testing.assert_allclose(progress_ratio(moved, expert), [0.02, 0.5, 1.0, 1.0])
