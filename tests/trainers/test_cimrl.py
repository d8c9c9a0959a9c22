"""The hybrid's mode `cimrl`: what drives, what is safe, what is learned, and from what."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor, nn

from drivetrain.data.catalogue import Origin
from drivetrain.data.demonstrate import Asked as Drives
from drivetrain.data.proposal_labels import labelled, nearest
from drivetrain.data.scenario_sets import ScenarioSetWriter, load
from drivetrain.data.split import SPLITS
from drivetrain.sim.actions import PROPOSAL_SHARES, PROPOSALS
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.pack import pack
from drivetrain.sim.pdm import PdmDriver
from drivetrain.sim.proposals import proposal_of
from drivetrain.sim.scenario import Scenario
from drivetrain.sim.world import Worlds
from tests.fakes import FakeTelemetry
from tests.scenes import road, scene
from tests.trainers.algorithms import small_request
from tests.written_sets import hand_made, written_set
from trainers import checkpoints
from trainers.asked import Asked
from trainers.cimrl import learning, safe_set
from trainers.cimrl.calibration import Calibration
from trainers.cimrl.deciding import Choice, Deciding
from trainers.cimrl.learner import Learner
from trainers.cimrl.networks import described_proposals
from trainers.cimrl.policy import CIMRLPolicy, cimrl_policy
from trainers.cimrl.ring import Batch, Ring, risk_weights
from trainers.configs import resolve
from trainers.contract import Places
from trainers.export import export
from trainers.hybrid import train
from trainers.hybrid_request import HybridRequest
from trainers.policy import PolicyDriver, restored_policy

MIDDLE = range(PROPOSAL_SHARES, 2 * PROPOSAL_SHARES)
"""The proposals that keep to the route's own line."""
BESIDE = sorted(set(range(PROPOSALS)) - set(MIDDLE))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_set(tmp_path_factory.mktemp("cimrl") / "set")


def asked(**cimrl: object) -> HybridRequest:
    return HybridRequest.model_validate(
        {
            "mode": "cimrl",
            "device": "cpu",
            "environment": {"num_envs": 16, "threads": 1},
            "policy": {"hidden": (16, 16)},
            "cimrl": cimrl,
        }
    )


def stirred(policy: CIMRLPolicy, seed: int = 1) -> CIMRLPolicy:
    """The policy with scores that differ, as after some learning."""
    torch.manual_seed(seed)
    for network in (policy.task, *policy.risks, *policy.critics):
        nn.init.normal_(network.score.weight, std=2.0)
        nn.init.zeros_(network.score.bias)
    return policy


def seen_by(policy: CIMRLPolicy, count: int = 64) -> Tensor:
    shape = policy.observation_space.shape
    assert shape is not None
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0


def batch_for(policy: CIMRLPolicy, count: int = 64) -> Batch:
    chance = torch.Generator().manual_seed(2)
    return Batch(
        seen_by(policy, count),
        seen_by(policy, 2 * count)[count:],
        torch.randint(PROPOSALS, (count,), generator=chance),
        torch.rand(count, generator=chance),
        (torch.rand(count, generator=chance) > 0.2).float() * 0.9,
    )


# --- what is safe, and who chooses -----------------------------------------------------------


def test_the_only_safe_proposal_is_driven_however_little_the_task_wants_it() -> None:
    wanted = torch.zeros(1, PROPOSALS).log_softmax(1)
    wanted[0, 4] = -30.0
    risk = torch.full((1, PROPOSALS), 0.5)
    risk[0, 4] = 0.05
    recovery = safe_set.least_risk_logits(risk)
    driven = safe_set.driven_logits(wanted, recovery, risk, epsilon=0.1).softmax(1)
    assert driven[0, 4] == 1.0


def test_within_the_safe_set_the_tasks_shares_are_renormalised() -> None:
    wanted = torch.tensor([[0.5, 0.3, 0.2]]).log()
    risk = torch.tensor([[0.9, 0.1, 0.0]])
    driven = safe_set.driven_logits(wanted, torch.zeros(1, 3), risk, epsilon=0.1).softmax(1)
    assert torch.allclose(driven, torch.tensor([[0.0, 0.6, 0.4]]))


def test_without_a_bound_on_risk_it_is_plain_discrete_sac() -> None:
    """Epsilon 1: the same critics and policy as the textbook's update, whatever is a risk."""
    request = asked(epsilon=1.0, prior_weight=0.0, learning_rate=1e-3)
    policy = stirred(cimrl_policy(request, 0))
    learner, batch = Learner(policy, request.cimrl), batch_for(policy)
    seen = batch.seen
    look = policy.outlook(seen)
    assert torch.allclose(look.driven.softmax(1), look.log_task.exp(), atol=1e-6)
    assert not learner.choose(seen).is_recovery.any()
    plain = PlainDiscreteSAC(request)
    plain.update(batch)
    learner.update(batch, batch, torch.ones(len(seen)))
    for ours, theirs in (
        (policy.critics, plain.policy.critics),
        (policy.task, plain.policy.task),
    ):
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.allclose(one, other, atol=1e-6)


class PlainDiscreteSAC:
    """Christodoulou 2019 with twin critics, written out once more for one update."""

    def __init__(self, request: HybridRequest) -> None:
        self.policy = stirred(cimrl_policy(request, 0))
        self.targets = stirred(cimrl_policy(request, 0)).critics
        rate = request.cimrl.learning_rate
        self.critic = torch.optim.Adam(self.policy.critics.parameters(), rate)
        self.task = torch.optim.Adam(self.policy.task.parameters(), rate)
        self.alpha = request.cimrl.alpha

    def update(self, batch: Batch) -> None:
        policy, rows = self.policy, torch.arange(len(batch.number))
        with torch.no_grad():
            prior, later = policy.log_prior(batch.seen), policy.log_prior(batch.next_seen)
            log_next = policy.log_task(batch.next_seen, later)
            each = [net(batch.next_seen, policy.proposals, later) for net in self.targets]
            soft = torch.minimum(each[0], each[1]) - self.alpha * log_next
            target = batch.outcome + batch.ahead * (log_next.exp() * soft).sum(1)
        both = [net(batch.seen, policy.proposals, prior) for net in policy.critics]
        loss = torch.stack([(q[rows, batch.number] - target).square().mean() for q in both])
        torch.autograd.backward(loss.sum())
        self.critic.step()
        log_task = policy.log_task(batch.seen, prior)
        worth = self.alpha * log_task - torch.minimum(both[0], both[1]).detach()
        torch.autograd.backward((log_task.exp() * worth).sum(1).mean())
        self.task.step()


@pytest.mark.parametrize("recovery", ["least_risk", "policy"])
def test_where_nothing_may_be_a_risk_it_always_recovers(recovery: str) -> None:
    policy = stirred(cimrl_policy(asked(epsilon=0.0, recovery=recovery), 0))
    seen = seen_by(policy)
    learner = Learner(policy, asked(epsilon=0.0, recovery=recovery).cimrl)
    assert learner.choose(seen).is_recovery.all()
    look = policy.outlook(seen)
    chosen = policy(seen)
    by_recovery = look.risk.argmin(1) if recovery == "least_risk" else look.recovery.argmax(1)
    assert torch.equal(chosen, by_recovery)


def test_an_order_of_the_proposals_means_nothing() -> None:
    policy = stirred(cimrl_policy(asked(epsilon=0.5), 0))
    seen, order = seen_by(policy), torch.randperm(PROPOSALS)
    before, chosen = policy.outlook(seen), policy(seen)
    policy.proposals = nn.Buffer(policy.proposals[order])
    after = policy.outlook(seen)
    for one, other in zip(before, after, strict=True):
        assert torch.allclose(one[:, order], other, atol=1e-5)
    assert torch.equal(order[policy(seen)], chosen)


def test_a_proposal_is_described_as_the_simulator_drives_it() -> None:
    for number, (offset, _, share) in enumerate(described_proposals().tolist()):
        assert (offset, share) == pytest.approx(proposal_of(number))


# --- decisions -------------------------------------------------------------------------------


def narrow(count: int = 6) -> list[Scenario]:
    """Scenes in a lane that leaves no room for the lines beside its middle."""
    on = road(np.inf, 200.0, 1)
    made = [
        scene(on, [(0, 15.0 + n, 8.0)], steps=101, name=f"narrow_{n}") for n in range(count)
    ]
    return [replace(one, group=one.id) for one in made]


def narrow_set(folder: Path) -> Path:
    scenes = narrow()
    splits = {one.group: SPLITS[at % len(SPLITS)] for at, one in enumerate(scenes)}
    with ScenarioSetWriter(folder, Origin("hand", 1), splits=splits) as writer:
        writer.add(scenes)
    return folder


def worlds_of(scenes: list[Scenario], count: int = 6, **settings: object) -> Worlds:
    environment = EnvironmentSettings.model_validate(
        {"actions": "proposals", "threads": 1} | settings
    )
    worlds = Worlds(pack(scenes), environment, num_worlds=count, seed=0)
    worlds.reset()
    return worlds


def always(number: int) -> Callable[[Tensor], Choice]:
    def choose(seen: Tensor) -> Choice:
        numbers = torch.full((len(seen),), number)
        return Choice(numbers, numbers, torch.zeros(len(seen), dtype=torch.bool))

    return choose


def test_what_a_decision_earned_is_the_discounted_sum_of_its_steps() -> None:
    worlds, alike = worlds_of(hand_made(2), 4), worlds_of(hand_made(2), 4)
    deciding, rewards = Deciding(worlds, hold=3, gamma=0.5), []
    done = deciding.step(always(9))
    for step in range(3):
        done = deciding.step(always(9)) if step else done
        alike.step(np.full(4, 9))
        rewards.append(alike.rewards.copy())
    assert np.array_equal(done.seen, worlds_of(hand_made(2), 4).observations)
    assert np.array_equal(done.next_seen, alike.observations)
    wanted = rewards[0] + 0.5 * rewards[1] + 0.25 * rewards[2]
    assert np.allclose(done.earned, wanted)
    assert np.allclose(done.ahead, 0.125)


def test_a_crash_ends_the_future_and_a_time_limit_does_not() -> None:
    beside, middle = 4, 9
    for number, is_end in ((beside, True), (middle, False)):
        worlds = worlds_of(narrow(), horizon_s=8.0)
        deciding, ends = Deciding(worlds, hold=5, gamma=0.9), []
        for _ in range(80):
            done = deciding.step(always(number))
            if (worlds.terminated | worlds.truncated).any():
                ends.append((done.ahead, done.violated, worlds.terminated.copy()))
        ahead, violated, terminated = ends[0]
        assert terminated.all() == is_end
        assert violated.all() == is_end
        assert (ahead == 0.0).all() == is_end


def test_a_choice_holds_as_long_as_it_did_in_training() -> None:
    policy = stirred(cimrl_policy(asked(hold=4, epsilon=0.5), 0), seed=10)
    worlds, driver = worlds_of(hand_made(6), 6), PolicyDriver(policy, "proposals")
    chosen: list[NDArray[np.float32]] = []
    wanted: list[NDArray[np.int64]] = []
    for _ in range(40):
        best = policy(torch.from_numpy(worlds.observations)).numpy()
        progress = worlds.state.progress
        # Whose episode has just begun chooses anew.
        goes_on = (progress.step - progress.entered) % 4 > 0
        wanted.append(np.where(goes_on, wanted[-1] if wanted else best, best))
        chosen.append(driver.act(worlds))
        worlds.step(chosen[-1])
    assert np.array_equal(np.stack(chosen), np.stack(wanted))
    assert any(len(np.unique(of_a_world)) > 1 for of_a_world in np.stack(chosen).T)


def test_the_task_learns_from_what_it_proposed_unless_that_is_switched_off(data: Path) -> None:
    for relabel in ("on", "off"):
        request = small_request("CIMRL", data, 1)
        assert isinstance(request, HybridRequest)
        cimrl = request.cimrl.model_copy(update={"relabel": relabel, "epsilon": 0.0})
        request = request.model_copy(update={"cimrl": cimrl})
        training = learning.make_training(request, lambda: None)
        training.step = cimrl.warmup_steps
        stirred(training.policy)
        training.collect(lambda: None)
        task, risk = training.task.state()["columns"][2], training.risk.state()["columns"][2]
        same = torch.cat(task) == torch.cat(risk)
        assert bool(same.all()) == (relabel == "off")


# --- the buffers and the risk ----------------------------------------------------------------


def test_a_ring_holds_the_newest_and_outlives_what_comes_after_a_boundary() -> None:
    ring = Ring(capacity=5, spare=3, size=1)

    def add(first: int, count: int) -> None:
        numbers = np.arange(first, first + count)
        seen = numbers[:, None].astype(np.float32)
        some = numbers.astype(np.float32)
        ring.add(seen, seen, numbers, some, some)

    add(0, 7)
    saved = ring.state()
    add(7, 3)
    held = torch.cat(list(saved["columns"][2]))
    assert held.tolist() == [2, 3, 4, 5, 6]
    again = Ring(capacity=5, spare=3, size=1)
    again.restore(saved)
    assert sorted(set(again.sample(200).number.tolist())) == [2, 3, 4, 5, 6]
    assert sorted(set(ring.sample(200).number.tolist())) == [5, 6, 7, 8, 9]


def test_violations_are_drawn_more_often_and_count_for_less() -> None:
    """Whatever share of a batch they are, the risk of a coin with 5 % violations is 5 %."""
    ring = Ring(capacity=2000, spare=0, size=1)
    outcome = (np.arange(2000) % 20 == 0).astype(np.float32)
    nothing = np.zeros((2000, 1), np.float32)
    ring.add(nothing, nothing, np.zeros(2000, np.int64), outcome, outcome)
    batch = ring.sample(10_000, ring.positives(), 0.3)
    assert batch.outcome.mean() > 0.25
    weights = risk_weights(batch.outcome, share=0.3, held=2000, positives=100)
    assert float((weights * batch.outcome).mean()) == pytest.approx(0.05, rel=0.05)
    assert float(weights.mean()) == pytest.approx(1.0, rel=0.05)


def test_a_calibration_tells_how_far_the_risk_is_from_what_happened() -> None:
    right = Calibration(
        np.array([0.05] * 10 + [0.95] * 10), np.array([0.05] * 10 + [0.95] * 10)
    )
    assert right.numbers()["risk_calibration_error"] == pytest.approx(0.0)
    blind = Calibration(np.zeros(20), np.array([0.0] * 15 + [1.0] * 5))
    assert blind.numbers()["risk_calibration_error"] == pytest.approx(0.25)


# --- the prior -------------------------------------------------------------------------------


def test_what_pdm_does_comes_nearest_to_the_proposal_that_it_chose() -> None:
    worlds = worlds_of(hand_made(6), 6, actions="bicycle")
    pdm, told = PdmDriver(), []
    for _ in range(30):
        action = pdm.act(worlds)
        goes_on = pdm.plans.brakes == 0
        at = np.arange(6)[goes_on]
        # Two proposals may do the same now: then either is nearest.
        told += (nearest(worlds, action)[at] == pdm.plans.proposal[at]).tolist()
        worlds.step(action)
    assert np.mean(told) > 0.8


def test_a_prior_learns_what_experts_choose_in_drives_it_has_not_seen(tmp_path: Path) -> None:
    request = small_request("CIMRL", narrow_set(tmp_path / "set"), 1)
    assert isinstance(request, HybridRequest)
    bc = request.bc.model_copy(update={"driver": "pdm", "epochs": 20, "learning_rate": 1e-2})
    telemetry = FakeTelemetry()
    train(request.model_copy(update={"bc": bc}), telemetry, places(tmp_path))
    assert telemetry.last("bc/val_nll") < 0.5 * np.log(PROPOSALS)


def test_labels_are_of_both_splits_and_of_no_drive_that_went_wrong(data: Path) -> None:
    labels = labelled(load(data), Drives("idm", EnvironmentSettings()), lambda: None)
    assert labels.is_train.any()
    assert not labels.is_train.all()
    assert set(labels.number) <= set(range(PROPOSALS))
    pushed = Drives("idm", EnvironmentSettings(), noise=1.0)
    assert len(labelled(load(data), pushed, lambda: None).number) < len(labels.number)


# --- a run -----------------------------------------------------------------------------------


def places(home: Path) -> Places:
    return Places(home / "checkpoints", home / "logs")


def test_a_run_tells_what_its_health_is_judged_by(data: Path, tmp_path: Path) -> None:
    telemetry = FakeTelemetry()
    train(small_request("CIMRL", data, 2), telemetry, places(tmp_path))  # type: ignore[arg-type]
    for name in (
        "empty_safe_sets",
        "recovery_rate",
        "risk_calibration_error",
        "violations_without_recovery",
        "entropy",
        "prior_kl",
        "mean_q",
        "critic_loss",
        "risk_loss",
    ):
        assert np.isfinite(telemetry.last(name))


def test_it_learns_where_the_road_ends_and_to_drive_on_within_seconds(tmp_path: Path) -> None:
    """From a prior that knows nothing: the lines beside the lane leave the road."""
    request = HybridRequest.model_validate(
        {
            "mode": "cimrl",
            "data": narrow_set(tmp_path / "set"),
            "seed": 1,
            "device": "cpu",
            "environment": {"num_envs": 32, "threads": 1},
            "training": {"total_steps": 24_000, "eval_every": 24_000, "threads": 1},
            "policy": {"hidden": (32, 32)},
            "bc": {"epochs": 1, "batch_size": 64, "learning_rate": 1e-9},
            "cimrl": {
                "hold": 10,
                "warmup_steps": 8_000,
                "pretrain_updates": 100,
                "update_every": 2048,
                "batch_size": 128,
                "learning_rate": 3e-3,
            },
        }
    )
    telemetry = FakeTelemetry()
    train(request, telemetry, places(tmp_path))
    policy = restored_policy(checkpoints.load(places(tmp_path).last))
    assert isinstance(policy, CIMRLPolicy)
    worlds = worlds_of(narrow())
    look = policy.outlook(torch.from_numpy(worlds.observations))
    risk = look.risk.mean(dim=0)
    assert risk[list(MIDDLE)].max() < policy.epsilon
    assert risk[BESIDE].min() > 1.5 * risk[list(MIDDLE)].max()
    judged = [facts for _, name, facts in telemetry.facts if name == "evaluated"]
    assert judged[-1]["off_road"] == 0.0
    assert float(str(judged[-1]["progress"])) > 0.9


def test_its_file_chooses_as_it_does_in_a_runtime_without_torch(
    data: Path, tmp_path: Path
) -> None:
    request = small_request("CIMRL", data, 1)
    assert isinstance(request, HybridRequest)
    train(request, FakeTelemetry(), places(tmp_path))
    facts = export("r1", places(tmp_path).best, tmp_path / "policy.onnx")
    assert facts["largest_difference"] == 0.0
    assert facts["actions"] == {"name": "proposals", "columns": 1, "hold_steps": 5}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"environment": {"actions": "bicycle"}}, "environment.actions"),
        ({"environment": {"traffic": "policy"}}, "environment.traffic"),
        ({"cimrl": {"batch_size": 600, "buffer_size": 500}}, "cimrl.batch_size"),
        ({"training": {"total_steps": 40_000}}, "cimrl.warmup_steps"),
        ({"cimrl": {"recovery": "policy", "epsilon": 1.0}}, "cimrl.recovery"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    changes: dict[str, object], says: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        HybridRequest.model_validate({"mode": "cimrl", **changes})
    told = [one["path"] for error in refused.value.errors() for one in error["ctx"]["told"]]
    assert told == [says]


def test_the_built_in_config_is_a_request_of_this_mode() -> None:
    request = resolve(Asked("hybrid", "cimrl"))
    assert isinstance(request, HybridRequest)
    assert (request.mode, request.environment.actions) == ("cimrl", "proposals")


def test_its_mode_acts_in_proposals_and_imitates_pdm_unless_asked_otherwise() -> None:
    request = HybridRequest.model_validate({"mode": "cimrl"})
    assert (request.environment.actions, request.bc.driver) == ("proposals", "pdm")
    other = HybridRequest.model_validate({"mode": "cimrl", "bc": {"driver": "idm"}})
    assert other.bc.driver == "idm"
    assert HybridRequest().environment.actions == "bicycle"
    assert HybridRequest.model_validate(request.model_dump(mode="json")) == request
