"""Demonstrations: made whole, true to the drive, checked before anybody learns from them."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drivetrain.data.__main__ import main
from drivetrain.data.demonstrate import Asked, Demonstrator, demonstrate, driven
from drivetrain.data.demonstration_files import load_demonstrations
from drivetrain.data.demonstrations import Batches, Demonstrations
from drivetrain.data.open import open_set
from drivetrain.errors import ConflictError, DataError, NotFoundError
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.world import Worlds
from tests.written_sets import written_set

ENVIRONMENT = EnvironmentSettings(threads=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("demos") / "set")


def made(data: Path, out: Path, driver: Demonstrator = "idm", noise: float = 0.0) -> Path:
    asked = Asked(driver, ENVIRONMENT, noise=noise)
    demonstrate(open_set(data), data, asked, out, lambda *_: None)
    return out


@pytest.fixture(scope="module")
def idm(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(data, tmp_path_factory.mktemp("demos") / "idm")


def test_only_train_and_val_scenarios_are_demonstrated_and_keep_their_split(
    data: Path, idm: Path
) -> None:
    catalogue, episodes = open_set(data).catalogue, load_demonstrations(idm).episodes
    told = dict(zip(episodes["scenario"], episodes["split"], strict=True))
    held = catalogue[catalogue["split"] != "test"]
    assert told == dict(zip(held["id"], held["split"], strict=True))
    assert set(told.values()) == {"train", "val"}


def test_the_recorded_actions_lead_through_the_recorded_observations_again(
    data: Path, idm: Path
) -> None:
    demonstrations, scenarios = load_demonstrations(idm), open_set(data)
    episode = demonstrations.episodes[1]
    (row,) = np.flatnonzero(scenarios.catalogue["id"] == episode["scenario"])
    settings = Asked("idm", ENVIRONMENT).settings
    picks = np.array([row])
    worlds = Worlds(
        scenarios.arrays, settings, num_worlds=1, seed=0, picks=picks, in_order=True
    )
    worlds.reset()
    rows = np.arange(episode["rows"]) + episode["first_row"]
    batch = demonstrations.batch(rows, with_next=True)
    for at, action in enumerate(batch["acts"]):
        np.testing.assert_array_equal(worlds.observations[0], batch["obs"][at])
        worlds.step(action[None])
        is_over = bool(worlds.terminated[0] | worlds.truncated[0])
        seen = worlds.final_observations if is_over else worlds.observations
        np.testing.assert_array_equal(seen[0], batch["next_obs"][at])
        assert is_over == (at == len(rows) - 1)
        assert batch["dones"][at] == (is_over and worlds.terminated[0])


def test_a_log_is_driven_again_by_pedals_and_wheel(data: Path, tmp_path: Path) -> None:
    demonstrations = load_demonstrations(made(data, tmp_path / "log", "log"))
    assert demonstrations.manifest.traffic == "replay"
    assert demonstrations.manifest.quality["worst_replay_error_m"] < 0.3
    assert (
        demonstrations.manifest.episodes + sum(demonstrations.manifest.left_out.values()) == 8
    )


def test_a_log_that_the_bicycle_cannot_follow_is_left_out(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenarios = open_set(data)
    monkeypatch.setattr("drivetrain.data.demonstrate.MOST_REPLAY_ERROR_M", 1e-9)
    asked = Asked("log", ENVIRONMENT)
    faults = [fault for _, fault in driven(scenarios, np.arange(2), asked, lambda: None)]
    assert faults == ["log_not_followed"] * 2


def test_a_pushed_driver_tells_what_it_wants_and_not_how_it_was_pushed(
    data: Path, idm: Path, tmp_path: Path
) -> None:
    calm = load_demonstrations(idm)
    pushed = load_demonstrations(made(data, tmp_path / "pushed", noise=0.1))
    again = load_demonstrations(made(data, tmp_path / "again", noise=0.1))
    np.testing.assert_array_equal(pushed.actions, again.actions)
    # At first nobody has been pushed off yet.
    np.testing.assert_array_equal(pushed.actions[0], calm.actions[0])
    assert not np.array_equal(pushed.actions[:40], calm.actions[:40])


def test_batches_are_whole_and_hold_every_transition_once_per_epoch(idm: Path) -> None:
    demonstrations = load_demonstrations(idm)
    rows = demonstrations.rows("train")
    size = 50
    batches = Batches(demonstrations, rows, size, seed=3)
    first, second = taken(batches, batches.per_epoch), taken(batches, batches.per_epoch)
    for epoch in (first, second):
        assert epoch.shape == (batches.per_epoch * size, 2)
        known = demonstrations.actions[rows]
        assert {row.tobytes() for row in epoch} <= {row.tobytes() for row in known}
    assert not np.array_equal(first, second)
    later = Batches(demonstrations, rows, size, seed=3)
    later.done = batches.per_epoch
    np.testing.assert_array_equal(taken(later, later.per_epoch), second)


def taken(batches: Batches, count: int) -> NDArray[np.float32]:
    drawn = iter(batches)
    return np.concatenate([next(drawn)["acts"] for _ in range(count)])


def cut(folder: Path) -> None:
    file = folder / "observations.npy"
    file.write_bytes(file.read_bytes()[:-4])


def take_away(folder: Path) -> None:
    (folder / "actions.npy").unlink()


def spoil(value: float) -> Callable[[Path], None]:
    """Put a number into an action, as a maker that does not look would write it."""

    def spoiled(folder: Path) -> None:
        actions = np.load(folder / "actions.npy")
        actions[7, 1] = value
        np.save(folder / "actions.npy", actions)
        change(folder, lambda facts: facts["files"]["actions.npy"].update(hash_of(folder)))

    return spoiled


def hash_of(folder: Path) -> dict[str, str]:
    return {"sha256": hashlib.sha256((folder / "actions.npy").read_bytes()).hexdigest()}


def change(folder: Path, how: Callable[[dict[str, Any]], None]) -> None:
    manifest = folder / "manifest.json"
    facts = json.loads(manifest.read_text())
    how(facts)
    manifest.write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("spoiling", "words"),
    [
        (cut, r"`observations.npy` is truncated"),
        (take_away, r"`actions.npy` is missing"),
        (spoil(float("nan")), r"the action in row 7 holds nan"),
        (spoil(1.5), r"the action in row 7 holds 1\.5, and every number is from -1 to 1"),
        (lambda folder: change(folder, lambda f: f.update(version=9)), r"version `9`"),
        (lambda folder: change(folder, lambda f: f.pop("splits")), r"lacks or misnames"),
        (lambda folder: change(folder, lambda f: f.update(transitions=3)), r"shapes"),
    ],
)
def test_damaged_demonstrations_are_refused_in_a_sentence(
    data: Path, tmp_path: Path, spoiling: Callable[[Path], None], words: str
) -> None:
    folder = made(data, tmp_path / "demos")
    spoiling(folder)
    with pytest.raises(DataError, match=words) as caught:
        load_demonstrations(folder)
    assert "Make them again: `/train data demos" in str(caught.value)


def test_a_folder_without_demonstrations_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There are no demonstrations"):
        load_demonstrations(tmp_path)


def test_what_was_interrupted_leaves_nothing_and_nothing_is_overwritten(
    data: Path, idm: Path, tmp_path: Path
) -> None:
    def give_up(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demonstrate(open_set(data), data, Asked("idm", ENVIRONMENT), tmp_path / "a", give_up)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConflictError, match="never overwritten"):
        made(data, idm)


def test_a_report_tells_quality_licences_and_the_next_command(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pdm"
    words = ["demos", "--driver=pdm", f"--set={data}", f"--out={out}", "--scenarios=4"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "| Success | 100.0 % |" in told
    assert "Episodes: 4, " in told
    assert "- Licences: generated 4" in told
    assert f"`/train bc --data {out} --run-id bc_v1`" in told
    assert main(["info", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["driver"] == "pdm"


def test_demonstrations_name_the_set_they_were_driven_in(data: Path, idm: Path) -> None:
    assert isinstance(load_demonstrations(idm), Demonstrations)
    assert len(open_set(idm)) == len(open_set(data))
