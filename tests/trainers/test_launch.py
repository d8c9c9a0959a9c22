"""From a request to a run: whatever can be refused is refused before anything is written."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from drivetrain.data.catalogue import Origin
from drivetrain.data.scenario_sets import ScenarioSetWriter
from drivetrain.errors import ConflictError, DataError, NotFoundError, RequestError
from drivetrain.runs.launch import _reserve as reserve
from drivetrain.runs.look import read_request
from drivetrain.runs.stop import request_stop
from drivetrain.runs.wait import wait_for
from tests.runs.living import spec
from tests.written_sets import hand_made
from trainers.checkpoints import Checkpoint, write
from trainers.launch import launch, plan_of
from trainers.ppo_request import PPORequest


@pytest.mark.parametrize("field", ["init_from", "data"])
def test_a_missing_file_is_refused_and_nothing_is_written(tmp_path: Path, field: str) -> None:
    home = tmp_path / "home"
    request = PPORequest.model_validate({"run_id": "r1", field: "nowhere"})
    with pytest.raises(NotFoundError, match=r"There is no .*nowhere"):
        launch(request, home=home)
    assert not home.exists()


def test_a_folder_that_is_no_scenario_set_is_refused_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    with pytest.raises(DataError, match="is not a scenario set"):
        launch(PPORequest(run_id="r1", data=tmp_path), home=home)
    assert not home.exists()


def test_a_set_of_one_recording_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ScenarioSetWriter(tmp_path / "set", Origin("test", 1)) as writer:
        writer.add(replace(one, group="g") for one in hand_made(2))
    with pytest.raises(DataError, match="take in at least three"):
        launch(PPORequest(run_id="r1", data=tmp_path / "set"), home=home)
    assert not home.exists()


def test_a_started_run_keeps_its_request_with_whole_paths_and_as_a_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.chdir(tmp_path)
    write_policy(Path("best.pt"))
    request = PPORequest(run_id="r1", init_from=Path("best.pt"), seed=7)
    started = launch(request, home=home)
    try:
        again = launch(request, home=home)
        asked = read_request(started.run.folder)
        config = yaml.safe_load(started.run.folder.config.read_text(encoding="utf-8"))
    finally:
        request_stop(home, "r1", force=True)
        wait_for(home, "r1", 60)
    assert (started.created, again.created) == (True, False)
    assert asked is not None
    kept = PPORequest.model_validate_json(json.dumps(asked.request))
    assert kept == request.model_copy(update={"init_from": tmp_path / "best.pt"})
    assert asked.digest == kept.digest()
    assert (config["run_id"], config["seed"]) == (None, 7)
    assert PPORequest.model_validate(config).digest() == asked.digest


def write_policy(file: Path) -> None:
    """A policy of PPO, which is all that a start looks for."""
    policy = Checkpoint("PPO", 1, {}, {}, observation_size=1, action_size=1)
    with file.open("wb") as stream:
        write(policy, stream)


@pytest.mark.parametrize("content", [b"weights", b"\x80\x04cos\nsystem\n", b"PK\x03\x04"])
def test_a_file_that_is_no_policy_is_refused_and_nothing_is_written(
    content: bytes, tmp_path: Path
) -> None:
    given = tmp_path / "best.pt"
    given.write_bytes(content)
    with pytest.raises(DataError, match=r"is no policy of a run; .* Try `/train ppo"):
        launch(PPORequest(run_id="r1", init_from=given), home=tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_repeated_start_needs_none_of_the_files_that_the_first_one_read(
    tmp_path: Path,
) -> None:
    given = tmp_path / "best.pt"
    write_policy(given)
    request = PPORequest(run_id="r1", init_from=given)
    launch(request, home=tmp_path)
    try:
        given.unlink()
        assert not launch(request, home=tmp_path).created
        with pytest.raises(ConflictError, match="belongs to another request"):
            launch(request.model_copy(update={"seed": 7}), home=tmp_path)
    finally:
        request_stop(tmp_path, "r1", force=True)
        wait_for(tmp_path, "r1", 60)


def test_a_run_that_would_come_after_itself_or_nobody_is_refused_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    itself = PPORequest.model_validate({"run_id": "r1", "schedule": {"after": "r1"}})
    with pytest.raises(RequestError, match=r"the run itself.*Try `/train ppo --run-id r1`"):
        launch(itself, home=home)
    nobody = PPORequest.model_validate({"run_id": "r1", "schedule": {"after": "bc_v1"}})
    with pytest.raises(NotFoundError, match="There is no run `bc_v1`"):
        launch(nobody, home=home)
    assert not home.exists()


def test_a_typo_in_the_run_to_come_after_is_answered_with_the_nearest(tmp_path: Path) -> None:
    reserved, _ = reserve(tmp_path, spec("complete", "bc_v1"))
    late = PPORequest.model_validate({"run_id": "r1", "schedule": {"after": "bc_v2"}})
    with pytest.raises(NotFoundError, match=r"similar: `bc_v1`\. Try `/train status bc_v1`"):
        launch(late, home=tmp_path)
    assert not reserved.path.with_name("r1").exists()


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_what_a_run_needs_follows_from_its_request(device: str) -> None:
    schedule = {"gpu_memory_mb": 9, "max_hours": 2}
    facts = {"device": device, "training": {"threads": 3}, "schedule": schedule}
    plan = plan_of(PPORequest.model_validate(facts))
    assert plan.max_hours == 2
    assert (plan.cpus, plan.gpu, plan.gpu_mb) == (3, "1" if ":" in device else "any", 9)
    on_cpu = plan_of(PPORequest(device="cpu"))
    assert (on_cpu.cpus, on_cpu.gpu, on_cpu.gpu_mb) == (None, None, 0)
