"""Small runs as their folders hold them, trained in this process."""

from pathlib import Path

from drivetrain.runs.atomic import replace_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.telemetry import RunTelemetry
from drivetrain.sim.config import EnvironmentSettings
from trainers.contract import Places
from trainers.evaluate import evaluate
from trainers.ppo import train
from trainers.ppo_request import PPORequest, PPOSettings
from trainers.train_request import PolicySettings, TrainingSettings

WORLDS = 16
ROLLOUT = 16 * WORLDS


class QuickClock:
    """Every look is two seconds later: no line of telemetry waits for the next."""

    def __init__(self) -> None:
        self._now = 0.0

    def wall(self) -> float:
        return self.mono()

    def mono(self) -> float:
        self._now += 2.0
        return self._now


def small_request(data: Path, seed: int, **ppo: object) -> PPORequest:
    """A request that is done within seconds."""
    return PPORequest(
        data=data,
        seed=seed,
        device="cpu",
        environment=EnvironmentSettings(num_envs=WORLDS, threads=1),
        training=TrainingSettings(
            total_steps=12 * ROLLOUT, eval_every=4 * ROLLOUT, eval_scenarios=2, threads=1
        ),
        policy=PolicySettings(network="mlp", hidden=(8, 8)),
        ppo=PPOSettings.model_validate({"n_steps": 16, "batch_size": 64, **ppo}),
    )


def asked_run(home: Path, name: str, request: PPORequest) -> RunFolder:
    """The folder of a run that was asked for and has not trained."""
    folder = RunFolder(home, name)
    folder.attempt(1).path.mkdir(parents=True)
    facts = {"algorithm": "PPO", "digest": request.digest(), "created": 0.0, "command": ["t"]}
    own = request.model_copy(update={"run_id": name})
    replace_json(folder.request, {"v": 1, **facts, "request": own.model_dump(mode="json")})
    return folder


def trained_run(home: Path, name: str, data: Path, *, seed: int, **ppo: object) -> RunFolder:
    """The folder of a run that trained to its end and was judged."""
    request = small_request(data, seed, **ppo)
    folder = asked_run(home, name, request)
    with RunTelemetry(folder, 1, clock=QuickClock()) as telemetry:
        train(request, telemetry, Places(folder.checkpoints, folder.logs))
    judged = evaluate(name, folder.best_checkpoint)
    replace_json(folder.evaluation, judged.as_json())
    return folder
