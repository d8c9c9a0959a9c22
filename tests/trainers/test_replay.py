"""`python -m trainers.replay`: who, where and what is drawn."""

import json
from pathlib import Path
from typing import Any

import pytest

from drivetrain.data.catalogue import Origin
from drivetrain.data.scenario_sets import ScenarioSetWriter
from drivetrain.errors import DataError, NotFoundError, UserError
from tests.data.builders import scenario
from tests.fakes import FakeTelemetry
from tests.trainers.algorithms import small_request
from tests.written_sets import written_set
from trainers.catalog import trainer_of
from trainers.contract import Places
from trainers.evaluate import evaluate, evaluate_baseline
from trainers.replay import main


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("replay") / "set")


def drawn(
    capsys: pytest.CaptureFixture[str], *words: str | Path, fails: type[UserError] | None = None
) -> dict[str, Any]:
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    if fails is not None:
        assert code == fails.exit_code
        assert said.out == ""
        return {"error": said.err.splitlines()[-1]}
    assert code == 0, said.err
    result: dict[str, Any] = json.loads(said.out)
    return result


def test_the_worst_of_a_baseline_are_those_that_its_evaluation_names(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worst = evaluate_baseline("random", data).worst
    assert len(worst) > 1
    result = drawn(
        capsys, "--baseline=random", f"--data={data}", "--out", tmp_path, "--worst=2"
    )
    assert [replay["scenario"] for replay in result["replays"]] == list(worst[:2])
    assert not any(replay["success"] for replay in result["replays"])
    for replay in result["replays"]:
        assert Path(replay["page"]).read_text(encoding="utf-8").startswith("<!doctype html>")
        assert Path(replay["image"]).read_bytes().startswith(b"GIF89a")
    assert Path(result["index"]).is_file()
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_a_run_s_policy_is_drawn_as_it_was_judged(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = Places(tmp_path / "checkpoints", tmp_path / "logs")
    request = small_request("PPO", data, 1)
    trainer_of(request)(request, FakeTelemetry(), places)
    judged = evaluate("small", places.best)
    words = ("--checkpoint", places.best, "--name=small", "--out", tmp_path / "drawn")
    result = drawn(capsys, *words, "--worst=50")
    assert result["driver"] == "small (best)"
    rewards = [replay["reward"] for replay in result["replays"]]
    assert len(rewards) == judged.drivers[0].episodes
    assert sum(rewards) / len(rewards) == judged.drivers[0].reward.mean
    successes = sum(replay["success"] for replay in result["replays"])
    assert successes == judged.drivers[0].success.count


def test_a_scenario_is_found_by_its_id_or_how_that_ends(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--baseline=idm", f"--data={data}", "--out", tmp_path)
    # hand_0 is for training: no evaluation drives it, and it is drawn all the same.
    result = drawn(capsys, *words, "--scenario=hand_0", "--scenario=d_7")
    assert [replay["scenario"] for replay in result["replays"]] == ["hand_0", "hand_7"]
    assert result["index"] is not None
    one = drawn(capsys, *words, "--scenario=hand_0")
    assert one["index"] is None
    assert Path(one["sheet"]).is_file()
    assert one["replays"] == result["replays"][:1]
    assert not (tmp_path / "index.html").exists()


def test_scenarios_whose_ids_look_alike_do_not_share_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = ("a/b-1", "a-b/1", "a-b-1")
    with ScenarioSetWriter(tmp_path / "alike", Origin("test", 1)) as writer:
        writer.add([scenario(one, group=one) for one in ids])
    words = ("--baseline=idm", f"--data={tmp_path / 'alike'}", "--out", tmp_path / "drawn")
    result = drawn(capsys, *words, *(f"--scenario={one}" for one in ids))
    assert len({replay["page"] for replay in result["replays"]}) == len(ids)
    for replay in result["replays"]:
        assert replay["scenario"] in Path(replay["page"]).read_text(encoding="utf-8")


def test_a_scenario_that_is_not_there_is_refused_with_the_nearest(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--baseline=idm", f"--data={data}", "--out", tmp_path / "drawn")
    error = drawn(capsys, *words, "--scenario=hand7", fails=NotFoundError)["error"]
    assert "Try `/train replay idm --scenario hand_7`." in error
    # Of twelve, two end so: the eleventh and the second.
    error = drawn(capsys, *words, "--scenario=1", fails=NotFoundError)["error"]
    assert "2 scenarios end in `1`" in error
    assert not (tmp_path / "drawn").exists()


def test_what_cannot_be_used_is_told_in_a_sentence(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = ("--baseline=idm", f"--data={tmp_path / 'no'}", "--out", tmp_path)
    assert drawn(capsys, *nowhere, fails=DataError)["error"].startswith("error: ")
    (tmp_path / "file").write_text("")
    under = ("--baseline=idm", f"--data={data}", "--out", tmp_path / "file" / "x")
    error = drawn(capsys, *under, "--scenario=hand_0", fails=UserError)["error"]
    assert "cannot be written" in error
    assert error.endswith("Try `/train replay idm --out replays`.")
