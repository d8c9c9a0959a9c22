"""What every algorithm promises: it stops anywhere, goes on from there, and loses nothing.

The algorithm is the one parameter; its small request stands in `algorithms.py`.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.optim.optimizer import register_optimizer_step_post_hook

from drivetrain import checkpoint_units
from drivetrain.errors import DataError
from tests.fakes import FakeTelemetry, Killed
from tests.trainers.algorithms import ROLLOUT, SMALL, small_request, with_training
from tests.written_sets import written_set
from trainers import checkpoints
from trainers.catalog import trainer_of
from trainers.contract import Outcome, Places
from trainers.evaluate import evaluate
from trainers.train_request import TrainRequest

ROLLOUTS = 3
MOMENTS = 8

pytestmark = pytest.mark.parametrize("algorithm", sorted(SMALL))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("contract") / "set")


def places(home: Path) -> Places:
    return Places(home / "checkpoints", home / "logs")


def trained(request: TrainRequest, home: Path, telemetry: FakeTelemetry) -> Outcome:
    return trainer_of(request)(request, telemetry, places(home))


def hashes(home: Path) -> tuple[int, dict[str, str]]:
    """The step of the newest unit, and the hash of every file in it.

    Not of `algo.pt`: after a stop in the last evaluation it does not know how that ended.
    In a stage before its first environment step, a run stands at step 0.
    """
    has_begun = places(home).units.exists()
    stands = places(home) if has_begun else places(home).of_stage("bc")
    unit, damaged = checkpoint_units.newest_verified(stands.units)
    assert unit is not None
    assert not damaged
    files = {name: told["sha256"] for name, told in unit.meta["files"].items()}
    files.pop("algo.pt")
    return unit.step if has_begun else 0, files


def story(*attempts: FakeTelemetry) -> dict[tuple[int, str], Any]:
    """Numbers and evaluations by step; those of a later attempt replace an earlier one's."""
    told: dict[tuple[int, str], Any] = {}
    for telemetry in attempts:
        told |= {
            (step, name): value
            for step, numbers in telemetry.numbers
            for name, value in numbers.items()
            if name != "best_reward" and not name.startswith("time/")
        }
        told |= {
            (step, name): facts for step, name, facts in telemetry.facts if name == "evaluated"
        }
    return told


def curves(home: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows: every curve with its points, save those of the clock."""
    accumulator = EventAccumulator(str(places(home).logs))
    accumulator.Reload()
    return {
        name: [(point.step, point.value) for point in accumulator.Scalars(name)]
        for name in accumulator.Tags()["scalars"]
        if not name.startswith("time/")
    }


def test_a_stop_anywhere_and_a_resume_end_where_an_undisturbed_run_does(
    algorithm: str, data: Path, tmp_path: Path
) -> None:
    request = seldom_saved(algorithm, data)
    undisturbed = FakeTelemetry()
    assert trained(request, tmp_path / "whole", undisturbed).how == "completed"
    for moment in range(1, MOMENTS + 1):
        home = tmp_path / str(moment)
        first = FakeTelemetry(stop_at_look=undisturbed.looks * moment // (MOMENTS + 1))
        second = FakeTelemetry()
        stopped = trained(request, home, first)
        assert stopped.how == "stopped"
        assert hashes(home)[0] == stopped.step
        assert trained(request, home, second) == Outcome("completed", ROLLOUTS * ROLLOUT)
        assert second.begun_at == stopped.step
        assert second.warnings == []
        assert hashes(home) == hashes(tmp_path / "whole")
        assert story(first, second) == story(undisturbed)


def seldom_saved(algorithm: str, data: Path) -> TrainRequest:
    """Most boundaries are not saved as they pass: a stop must find them as they were."""
    request = small_request(algorithm, data, ROLLOUTS)
    return with_training(request, eval_every=2 * ROLLOUT)


def test_a_stop_in_the_middle_of_an_update_keeps_what_was_before_it(
    algorithm: str, data: Path, tmp_path: Path
) -> None:
    request, updates = seldom_saved(algorithm, data), [0]

    def count(*_: object) -> None:
        updates[0] += 1

    hook = register_optimizer_step_post_hook(count)
    trained(request, tmp_path / "whole", FakeTelemetry())
    middle, updates[0] = updates[0] // 2 + 1, 0
    first = FakeTelemetry(stop_when=lambda: updates[0] >= middle)
    stopped = trained(request, tmp_path / "stopped", first)
    hook.remove()
    assert stopped == Outcome("stopped", ROLLOUT)
    assert hashes(tmp_path / "stopped")[0] == ROLLOUT
    trained(request, tmp_path / "stopped", FakeTelemetry())
    assert hashes(tmp_path / "stopped") == hashes(tmp_path / "whole")


def test_a_kill_anywhere_and_a_resume_end_where_an_undisturbed_run_does(
    algorithm: str, data: Path, tmp_path: Path
) -> None:
    request = small_request(algorithm, data, ROLLOUTS)
    undisturbed = FakeTelemetry()
    trained(request, tmp_path / "whole", undisturbed)
    for moment in range(1, MOMENTS + 1):
        home = tmp_path / str(moment)
        first = FakeTelemetry(kill_at_look=undisturbed.looks * moment // (MOMENTS + 1))
        second = FakeTelemetry()
        with pytest.raises(Killed):
            trained(request, home, first)
        saved, _ = hashes(home)
        assert trained(request, home, second) == Outcome("completed", ROLLOUTS * ROLLOUT)
        assert second.begun_at == saved
        assert hashes(home) == hashes(tmp_path / "whole")
        assert story(first, second) == story(undisturbed)
        assert curves(home) == curves(tmp_path / "whole")


def test_a_stop_in_a_slow_phase_is_heard_and_loses_nothing(
    algorithm: str, data: Path, tmp_path: Path
) -> None:
    request = small_request(algorithm, data, ROLLOUTS)
    undisturbed = FakeTelemetry()
    trained(request, tmp_path / "whole", undisturbed)
    for phase in sorted(set(undisturbed.phases) - {"save"}):
        first, second = FakeTelemetry(stop_in=phase), FakeTelemetry()
        stopped = trained(request, tmp_path / phase, first)
        assert stopped.how == "stopped"
        assert first.phases.count(phase) == 1
        assert trained(request, tmp_path / phase, second).how == "completed"
        assert second.begun_at == stopped.step
        assert hashes(tmp_path / phase) == hashes(tmp_path / "whole")


def test_saving_is_proved_before_the_first_step(
    algorithm: str, data: Path, tmp_path: Path
) -> None:
    request = small_request(algorithm, data, ROLLOUTS)
    with pytest.raises(Killed):
        trained(request, tmp_path, FakeTelemetry(kill_at_look=2))
    assert hashes(tmp_path)[0] == 0


def test_a_completed_run_goes_on_only_for_more_steps(
    algorithm: str, data: Path, tmp_path: Path
) -> None:
    request = small_request(algorithm, data, 1)
    trained(request, tmp_path, FakeTelemetry())
    before = hashes(tmp_path)
    again = FakeTelemetry()
    assert trained(request, tmp_path, again) == Outcome("completed", ROLLOUT)
    assert hashes(tmp_path) == before
    assert "evaluated" not in again.events
    more = with_training(request, total_steps=2 * ROLLOUT)
    further = FakeTelemetry()
    assert trained(more, tmp_path, further) == Outcome("completed", 2 * ROLLOUT)
    assert further.begun_at == ROLLOUT
    assert min(step for step, _ in further.numbers) > ROLLOUT


def test_a_damaged_newest_unit_falls_back_to_the_one_before(
    algorithm: str, data: Path, tmp_path: Path
) -> None:
    request = small_request(algorithm, data, ROLLOUTS)
    trained(request, tmp_path / "whole", FakeTelemetry())
    shutil.copytree(tmp_path / "whole", tmp_path / "hit")
    newest = checkpoint_units.newest(places(tmp_path / "hit").units)
    assert newest is not None
    damage(newest.file("policy.pt"))
    telemetry = FakeTelemetry()
    assert trained(request, tmp_path / "hit", telemetry).how == "completed"
    assert telemetry.begun_at == 2 * ROLLOUT
    assert "policy.pt is not what was written" in telemetry.warnings[0]
    assert hashes(tmp_path / "hit") == hashes(tmp_path / "whole")
    for file in (places(tmp_path / "hit").last, places(tmp_path / "hit").best):
        checkpoints.load(file)


def test_a_run_whose_every_unit_is_damaged_says_so_and_overwrites_nothing(
    algorithm: str, data: Path, tmp_path: Path
) -> None:
    request = small_request(algorithm, data, 1)
    trained(request, tmp_path, FakeTelemetry())
    for unit in places(tmp_path).units.iterdir():
        damage(unit / "optim.pt")
    with pytest.raises(DataError, match=r"optim\.pt is not what was written"):
        trained(request, tmp_path, FakeTelemetry())


def damage(file: Path) -> None:
    """Flip a byte in the middle; the size stays."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def test_a_policy_that_breaks_ends_the_run_and_is_never_kept(
    algorithm: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = small_request(algorithm, data, ROLLOUTS)
    healthy = torch.optim.Optimizer.zero_grad

    def poisoned(self: torch.optim.Optimizer, *args: Any, **options: Any) -> None:
        healthy(self, *args, **options)
        if (places(tmp_path).units / f"{ROLLOUT:012d}").exists():
            weights = self.param_groups[0]["params"][0]
            weights.register_hook(lambda gradient: gradient * float("nan"))

    monkeypatch.setattr(torch.optim.Optimizer, "zero_grad", poisoned)
    with pytest.raises(FloatingPointError, match=r"gradient's norm is nan"):
        trained(request, tmp_path, FakeTelemetry())
    for file in (places(tmp_path).last, places(tmp_path).best):
        policy = checkpoints.load(file).policy
        assert all(weights.isfinite().all() for weights in policy.values())
    assert hashes(tmp_path)[0] == ROLLOUT


def test_what_was_saved_can_be_judged(algorithm: str, data: Path, tmp_path: Path) -> None:
    trained(small_request(algorithm, data, 1), tmp_path, FakeTelemetry())
    assert evaluate("small", places(tmp_path).last, limit=1).step == ROLLOUT
    # What the last stage of a run starts from is judged too, and may stay the best.
    best = {ROLLOUT, 0} if algorithm in ("HYBRID", "CIMRL") else {ROLLOUT}
    assert evaluate("small", places(tmp_path).best, limit=1).step in best
