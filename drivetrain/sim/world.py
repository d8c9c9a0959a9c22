"""Many worlds, stepped together: reset and step, and all the buffers.

In self-play (traffic policy) worlds come in groups that share a scene: `seats.py`.

Worlds are cut into one range per thread. Plain threads do, because the kernels let go of the
GIL: unlike numba's own pool they neither spin beside the learner's threads nor change anything
global, and the kernel is compiled once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivetrain.machine import cores
from drivetrain.sim.actions import ACTION_COLUMNS, ActionCode, checked_actions
from drivetrain.sim.chance import Chance
from drivetrain.sim.compiled import entry_point
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.dynamics import DIRECT, FILTERED
from drivetrain.sim.fingerprint import fingerprint
from drivetrain.sim.kernels.buffers import Rules, new_buffers, new_scratch
from drivetrain.sim.kernels.stepping import reset_worlds, step_worlds
from drivetrain.sim.layout import LAYOUTS, ObservationLayout
from drivetrain.sim.picks import checked_picks, room_for
from drivetrain.sim.ranges import ranges_of
from drivetrain.sim.reward import REWARD_PARTS, Weights
from drivetrain.sim.scenario import ScenarioArrays, as_arrays
from drivetrain.sim.score.episode import new_workplace
from drivetrain.sim.seats import most_seats
from drivetrain.sim.state import EndReason, Episodes, State, new_episodes, new_state

__all__ = ["EndReason", "Episodes", "Snapshot", "Worlds"]


class Snapshot(NamedTuple):
    """Where everybody is, for drawing and recording.  [worlds, slots]; slot 0 is the ego.

    x_m, y_m: the boxes' middles.  agent: the row in the agents table.  Slots with valid False
    hold nobody, and their other numbers mean nothing.
    """

    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    heading_rad: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    length_m: NDArray[np.float64]
    width_m: NDArray[np.float64]
    category: NDArray[np.uint8]
    agent: NDArray[np.int64]
    valid: NDArray[np.bool_]


class Worlds:
    """Many worlds, stepped together; owns every buffer.

    What a world does is a pure function of (seed, its number, its episode) and the actions:
    how many worlds there are and how many threads step them changes nothing. In self-play it
    is that of its group: (seed, group, episode) and the actions of all its worlds.

    num_worlds: at least one; in self-play rounded up to whole groups.

    picks: [picks] rows of the scenarios that may be drawn, by default all.
    in_order: world w drives picks[w], picks[w + num_worlds], ... instead of drawing.
    stagger: each world's first episode gets a shorter horizon, so that they do not all run
    into the time limit in the same step.

    The buffers, refilled by `reset` and `step`; copy what must last:
    observations float32 [worlds, size], rewards float32 [worlds], reward_parts float32
    [worlds, parts] in the order of REWARD_PARTS, terminated and truncated bool [worlds].
    final_observations and episodes hold valid rows where the last step ended an episode.
    """

    def __init__(  # noqa: PLR0913 - named options of one thing
        self,
        scenarios: ScenarioArrays,
        settings: EnvironmentSettings,
        *,
        num_worlds: int,
        seed: int,
        picks: NDArray[np.int64] | None = None,
        in_order: bool = False,
        stagger: bool = False,
    ) -> None:
        self.scenarios = as_arrays(scenarios._asdict())
        self.settings = settings
        self.layout: ObservationLayout = LAYOUTS[settings.observation]
        self.picks = checked_picks(picks, len(scenarios.steps))
        self.seats = self._seats()
        self.num_worlds = num_worlds = -(-num_worlds // self.seats) * self.seats
        self._in_order, self._stagger = in_order, stagger
        self.room = slots, frames = room_for(self.scenarios, self.picks, settings.horizon)
        self.state: State = new_state(num_worlds, slots, len(REWARD_PARTS), frames)
        self.episodes: Episodes = new_episodes(num_worlds, len(REWARD_PARTS))
        self._buffers = new_buffers(num_worlds, self.layout)
        self.observations = self._buffers.observations
        self.final_observations = self._buffers.final_observations
        self.rewards = self._buffers.rewards
        self.reward_parts = self._buffers.parts
        self.terminated = self._buffers.terminated
        self.truncated = self._buffers.truncated
        columns = ACTION_COLUMNS[settings.actions]
        self._actions = np.zeros((num_worlds, columns), np.float32)
        self._ranges = ranges_of(num_worlds, self.seats, settings.threads or cores())
        self._rooms = [
            (new_scratch(slots, self.layout), new_workplace(frames)) for _ in self._ranges
        ]
        # Its threads start with their first work; one range needs none of them.
        self._pool = ThreadPoolExecutor(len(self._ranges))
        self._kernel: Callable[..., None] | None = None
        self.seed = seed

    @property
    def seed(self) -> int:
        """The seed of every world's stream; setting it rewinds them to their first episode."""
        return self._seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed = seed
        reward = self.settings.reward
        self._rules = Rules(
            seed=np.uint64(seed % 2**64),
            groups=self.num_worlds // self.seats,
            seats=self.seats,
            horizon=self.settings.horizon,
            replay=self.settings.traffic != "idm",
            mixed=self.settings.traffic == "mixed",
            ends_on_red=self.settings.red_light == "stop",
            goes_on=self.settings.on_failure == "ignore",
            actions=int(ActionCode.of(self.settings.actions)),
            lags=DIRECT if self.settings.actuators == "direct" else FILTERED,
            chance=Chance(**self.settings.randomize.model_dump()),
            in_order=self._in_order,
            stagger=self._stagger,
            weights=Weights(*(getattr(reward, name) for name in Weights._fields)),
        )
        self.state.progress.episode[:] = -1
        self._arguments = [
            (
                self.scenarios,
                self.picks,
                self._rules,
                self.layout,
                self.state,
                self._buffers,
                self.episodes,
                *rooms,
                self._actions,
                *bounds,
            )
            for rooms, bounds in zip(self._rooms, self._ranges, strict=True)
        ]

    def reset(self) -> None:
        """Every world begins its next episode: its first one after a new seed."""
        self.reset_worlds(np.arange(self.num_worlds))

    def reset_worlds(
        self,
        worlds: Sequence[int] | NDArray[np.int64],
        scenarios: Sequence[int] | NDArray[np.int64] | None = None,
    ) -> None:
        """The given worlds begin their next episode, in given scenarios or in drawn ones.

        In self-play, whole groups do, each in the scenario given for its first world.
        """
        rows = np.asarray(worlds, np.int64)
        wanted = np.full(len(rows), -1) if scenarios is None else scenarios
        wanted = np.asarray(wanted, np.int64)
        if scenarios is not None:
            wanted = self._checked_wanted(wanted)
        if len(wanted) != len(rows) or np.any((rows < 0) | (rows >= self.num_worlds)):
            raise ValueError("reset_worlds takes existing worlds and one scenario for each")
        groups = rows[:: self.seats] // self.seats
        whole = (groups[:, None] * self.seats + np.arange(self.seats)).ravel()
        if not np.array_equal(rows, whole):
            raise ValueError(f"in self-play whole groups of {self.seats} worlds begin anew")
        reset_worlds(
            self.scenarios,
            self.picks,
            self._rules,
            self.layout,
            self.state,
            self._buffers,
            self._rooms[0][0],
            groups,
            wanted[:: self.seats],
        )

    def step(self, actions: NDArray[np.floating] | NDArray[np.integer]) -> None:
        """Step every world; one whose episode ends begins its next one at once.

        actions: [worlds, columns], what `settings.actions` says and `actions.py` explains.
        Raises: ValueError for a NaN or a strange number, before anything moved.
        """
        self._take(actions)
        others = range(1, len(self._ranges))
        handed_out = [self._pool.submit(self._step_range, number) for number in others]
        self._step_range(0)
        for range_done in handed_out:
            range_done.result()

    def _take(self, actions: NDArray[np.floating] | NDArray[np.integer]) -> None:
        taken = checked_actions(actions, self.num_worlds, self.settings.actions)
        if self.state.progress.episode[0] < 0:
            raise ValueError("the worlds have not been reset")
        self._actions[:] = taken

    def _step_range(self, number: int) -> None:
        arguments = self._arguments[number]
        if self._kernel is None:
            self._kernel = entry_point(step_worlds, *arguments)
        self._kernel(*arguments)

    @property
    def on_stage(self) -> NDArray[np.bool_]:
        """Whose ego is in its scene now; of the others actions mean nothing.  [worlds]."""
        return self.state.progress.on_stage.astype(np.bool_)

    def snapshot(self) -> Snapshot:
        """A copy of where everybody is now."""
        bodies, drivers = self.state.bodies, self.state.drivers
        slot = np.arange(bodies.x.shape[1])
        valid = (bodies.present == 1) & (slot < self.state.progress.slots[:, None])
        valid &= self.on_stage[:, None]
        return Snapshot(
            x_m=bodies.x.copy(),
            y_m=bodies.y.copy(),
            heading_rad=np.arctan2(bodies.sin, bodies.cos),
            speed_mps=drivers.speed.copy(),
            length_m=2 * bodies.half_length,
            width_m=2 * bodies.half_width,
            category=bodies.category.copy(),
            agent=drivers.agent.copy(),
            valid=valid,
        )

    def memory(self) -> dict[str, NDArray[Any]]:
        """A copy of all that the worlds go on from, by name; `restore` takes it back.

        Equal worlds that take it back and are given the same actions do the same, bit for bit.
        """
        held = {name: column.copy() for name, column in self._columns()}
        return {"seed": np.array(self._seed), **self._fixed(), **held}

    def restore(self, memory: Mapping[str, NDArray[Any]]) -> None:
        """Stand where the worlds of this memory stood; a step follows, not a reset.

        Raises:
            ValueError: the memory is of other worlds; these are as they were.
        """
        fixed = self._fixed()
        own = {"seed": np.array(self._seed), **fixed, **dict(self._columns())}
        strange = [
            name
            for name, column in own.items()
            if name not in memory
            or (memory[name].shape, memory[name].dtype) != (column.shape, column.dtype)
        ]
        strange = strange or [
            name for name, same in fixed.items() if not np.array_equal(memory[name], same)
        ]
        if strange:
            raise ValueError(f"the memory is of other worlds: {', '.join(strange)}")
        self.seed = int(memory["seed"])
        for name, column in self._columns():
            column[:] = memory[name]

    def _columns(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Every array that a step reads or fills, by name."""
        for group in (*self.state, self._buffers, self.episodes):
            for name, column in group._asdict().items():
                yield f"{type(group).__name__.lower()}.{name}", column

    def _seats(self) -> int:
        if self.settings.traffic != "policy":
            return 1
        return self.settings.seats or int(most_seats(self.scenarios, self.picks))

    def _fixed(self) -> dict[str, NDArray[Any]]:
        """What no step changes, and a memory must have in common."""
        order = (self._in_order, self._stagger)
        rules = fingerprint(self.settings, order, self.scenarios)
        return {"rules": rules, "picks": self.picks.copy()}

    def _checked_wanted(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = checked_picks(rows, len(self.scenarios.steps))
        needed = room_for(self.scenarios, rows, self.settings.horizon)
        if needed.slots > self.room.slots or needed.frames > self.room.frames:
            raise ValueError("a wanted scenario is larger or longer than any of the picks")
        return rows
