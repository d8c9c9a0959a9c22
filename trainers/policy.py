"""The networks a trainer learns, and how they drive."""

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from gymnasium import Space
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.sac.policies import SACPolicy
from torch import Tensor, nn

from drivetrain.errors import DataError
from drivetrain.sim.config import Actions
from drivetrain.sim.layout import LAYOUTS
from drivetrain.sim.planners import Driver
from drivetrain.sim.spaces import action_space, observation_space
from drivetrain.sim.world import Worlds
from trainers.checkpoints import Checkpoint
from trainers.cimrl.deciding import is_due
from trainers.cimrl.policy import CIMRLPolicy, cimrl_policy
from trainers.hybrid_request import HybridRequest
from trainers.networks import SceneEncoder
from trainers.requests import request_of
from trainers.sac_request import SACRequest
from trainers.train_request import TrainRequest

Interrupt = Callable[[], None]
"""Called now and then by long work; it may raise to leave it."""


def policy_arguments(request: TrainRequest) -> dict[str, Any]:
    """What stable-baselines3 needs to build the networks: equal ones for policy and value."""
    policy = request.policy
    hidden = list(policy.hidden)
    arguments: dict[str, Any]
    if isinstance(request, SACRequest):
        arguments = {
            "net_arch": {"pi": hidden, "qf": hidden},
            "activation_fn": nn.ReLU,
            # Updates are small and many: a step for all weights at once is a tenth of them.
            "optimizer_kwargs": {"fused": True},
        }
    else:
        arguments = {
            "net_arch": {"pi": hidden, "vf": hidden},
            "activation_fn": nn.Tanh,
            "log_std_init": policy.log_std_init,
        }
    if policy.network == "scene":
        arguments["features_extractor_class"] = SceneEncoder
        seen = {"observation": request.environment.observation}
        arguments["features_extractor_kwargs"] = seen
    return arguments


def untrained_policy(request: TrainRequest, seed: int) -> BasePolicy:
    """A policy for the request's worlds, as it stands before its first update."""
    if isinstance(request, HybridRequest) and request.mode == "cimrl":
        return cimrl_policy(request, seed)
    environment = request.environment
    networks: type[Any] = SACPolicy if isinstance(request, SACRequest) else ActorCriticPolicy
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy: BasePolicy = networks(
            observation_space(LAYOUTS[environment.observation]),
            action_space(environment.actions),
            lambda _: 0.0,
            **policy_arguments(request),
        )
    policy.set_training_mode(mode=False)
    return policy


def untrained_actor_critic(request: TrainRequest, seed: int) -> ActorCriticPolicy:
    """The same for an algorithm whose policy has a value beside it, as all but SAC's have."""
    return cast(ActorCriticPolicy, untrained_policy(request, seed))


def restored_policy(checkpoint: Checkpoint) -> BasePolicy:
    """The policy of a checkpoint, ready to drive.

    Raises:
        DataError: the checkpoint was made for another observation or network.
    """
    policy = untrained_policy(request_of(checkpoint.request), seed=0)
    load_weights(policy, checkpoint)
    return policy


def load_weights(policy: BasePolicy, checkpoint: Checkpoint) -> None:
    """Give the policy the checkpoint's weights.

    Raises:
        DataError: the checkpoint was made for another observation or network.
    """
    sees, acts = numbers_in(policy.observation_space), numbers_in(policy.action_space)
    if (checkpoint.observation_size, checkpoint.action_size) != (sees, acts):
        raise DataError(
            f"The checkpoint sees {checkpoint.observation_size} numbers and acts with "
            f"{checkpoint.action_size}; these worlds have {sees} and {acts}. "
            "Train a new policy with `/train ppo`."
        )
    try:
        policy.load_state_dict(dict(checkpoint.policy))
    except RuntimeError as error:
        raise DataError(
            "The checkpoint's networks differ from the request's `policy`. "
            f"Try {_sets_of(checkpoint)}."
        ) from error


def numbers_in(space: Space[Any]) -> int:
    """How many numbers an observation or an action of a space is."""
    return math.prod(space.shape or (1,))


def _sets_of(checkpoint: Checkpoint) -> str:
    policy = request_of(checkpoint.request).policy
    hidden = str(list(policy.hidden)).replace(" ", "")
    return f"`--set policy.network={policy.network} --set policy.hidden={hidden}`"


class Interruptible:
    """Drives as another driver does.

    interrupt: called before every step; it may raise to leave the drive.
    """

    def __init__(self, driver: Driver, interrupt: Interrupt) -> None:
        self._driver = driver
        self._interrupt = interrupt

    @property
    def actions(self) -> Actions:
        """Those of the driver."""
        return self._driver.actions

    def act(self, worlds: Worlds) -> NDArray[np.floating]:
        """What the driver does, unless the drive is left."""
        self._interrupt()
        return self._driver.act(worlds)


class PolicyDriver:
    """Drives by the most likely action of a policy.

    actions: the action space that the policy was made for.
    """

    def __init__(self, policy: BasePolicy, actions: Actions = "bicycle") -> None:
        self._policy = policy
        self.actions: Actions = actions
        self._hold = policy.hold if isinstance(policy, CIMRLPolicy) else 1
        self._held = np.zeros(0, np.float32)

    def act(self, worlds: Worlds) -> NDArray[np.float32]:
        """Actions in [-1, 1] for every world, [worlds, columns], or numbers of proposals."""
        if self._hold == 1:
            return self.actions_for(torch.from_numpy(worlds.observations))
        return self._held_for(worlds)

    def _held_for(self, worlds: Worlds) -> NDArray[np.float32]:
        """Proposals that hold for a while: those of before, but where it is time to choose."""
        due = is_due(worlds, self._hold)
        if len(self._held) != worlds.num_worlds:
            self._held, due = np.zeros(worlds.num_worlds, np.float32), np.ones_like(due)
        if due.any():
            seen = torch.from_numpy(worlds.observations[due])
            self._held[due] = self.actions_for(seen)
        return self._held.copy()

    def actions_for(self, observations: Tensor) -> NDArray[np.float32]:
        """The same for any observations.  [batch, numbers of the layout]."""
        seen = observations.to(self._policy.device)
        with torch.inference_mode():
            # `predict` would do the same by way of NumPy, and clip numbers of proposals.
            actions = self._policy._predict(seen, deterministic=True)  # noqa: SLF001
        if self.actions != "proposals":
            actions = actions.clamp(-1.0, 1.0)
        return actions.cpu().numpy().astype(np.float32)
