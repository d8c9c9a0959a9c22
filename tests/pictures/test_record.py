"""Recordings: the same episodes that an evaluation counts."""

from dataclasses import replace

import numpy as np
import pytest
from typing_extensions import override

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.pictures.record import record
from drivetrain.pictures.words import END_WORDS
from drivetrain.sim import metrics
from drivetrain.sim.metrics import drive_each
from drivetrain.sim.planners import Driver, IdmDriver, RandomDriver
from drivetrain.sim.scenario import Signal
from drivetrain.sim.state import EndReason
from drivetrain.sim.world import Worlds
from tests.pictures.recorded import REPLAYED, SETTINGS, busy_scene, recorded, rows
from tests.scenes import road, scene
from tests.written_sets import hand_made


@pytest.mark.parametrize("make", [IdmDriver, lambda: RandomDriver(3)])
@pytest.mark.parametrize("most_worlds", [2, 256])
def test_a_replay_ends_as_the_evaluation_s_episode_did(
    make: type[Driver], most_worlds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With fewer worlds than scenarios, a world drives one after the other.
    monkeypatch.setattr(metrics, "MOST_WORLDS", most_worlds)
    scenarios = ScenarioSet.from_scenarios(hand_made(7))
    table = drive_each(scenarios.arrays, rows(scenarios), SETTINGS, make())
    wanted = [5, 0, 6]
    shown = record(scenarios, rows(scenarios), SETTINGS, make(), wanted=wanted, name="somebody")
    for place, recording in zip(wanted, shown, strict=True):
        outcome = recording.outcome
        assert recording.facts["id"] == f"hand_{place}"
        assert outcome.end_reason == EndReason(int(table.end_reason[place])).name.lower()
        assert outcome.steps == table.steps[place] == recording.frames - 1
        assert outcome.success == table.success[place]
        assert outcome.reward == table.reward[place]
        scored = [outcome.score, *outcome.metrics.values()]
        np.testing.assert_array_equal(scored, [table.score[place], *table.metrics[place]])
        assert recording.rewards.sum() == pytest.approx(table.reward[place], abs=1e-4)


def test_the_frames_are_where_everybody_was() -> None:
    (recording,) = recorded([busy_scene()], settings=REPLAYED)
    agents, steps = recording.agents, np.arange(recording.frames)
    # A bicycle at 5 m/s and somebody who stands, both replayed; the last frame is carried on.
    moving, standing = agents.number.tolist().index(2), agents.number.tolist().index(3)
    assert agents.x_m[:, moving] == pytest.approx(30.0 + 0.5 * steps, abs=0.02)
    assert agents.x_m[:, standing] == pytest.approx(40.0, abs=0.02)
    assert agents.present.all()
    assert agents.category.tolist() == [0, 0, 2, 1]
    assert recording.ego["speed"][0] == pytest.approx(8.0)
    assert recording.expert[:, 0] == pytest.approx(10.0 + 0.8 * steps, abs=0.02)
    assert recording.signals[0, 49:51].tolist() == [Signal.RED, Signal.GREEN]


def test_a_crash_is_shown_and_the_drive_goes_on_as_a_judge_has_it() -> None:
    # Somebody stands 15 m ahead, and the ego goes on at full throttle.
    class Blind(IdmDriver):
        @override
        def act(self, worlds: Worlds) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            return np.array([[1.0, 0.0]] * worlds.num_worlds, np.float32)

    (recording,) = recorded([scene(road(), [(0, 20.0, 8.0), (0, 40.0, 0.0)])], Blind())
    agents, outcome = recording.agents, recording.outcome
    assert outcome.end_reason == "route_end"
    assert outcome.collision
    assert outcome.at_fault
    gap = np.abs(agents.x_m[:, 1] - agents.x_m[:, 0]) - agents.length_m.sum() / 2
    crash = recording.failed_at
    assert crash is not None
    assert crash < recording.frames - 1
    assert gap[crash] < 0.0 < gap[crash - 1]


def test_a_road_without_a_map_is_drawn_by_its_driving_lines() -> None:
    mapped = scene(road(), [(0, 10.0, 8.0)])
    bare = replace(mapped, road=replace(mapped.road, id="bare", lanes=(), areas=()))
    with_map, without = (one.shapes for one in recorded([mapped, bare]))
    assert with_map.grounds
    assert with_map.centres
    assert not with_map.bands
    assert not without.grounds
    assert without.bands


@pytest.mark.parametrize("reason", [each for each in EndReason if each != EndReason.NONE])
def test_every_end_has_words(reason: EndReason) -> None:
    assert reason.name.lower() in END_WORDS
