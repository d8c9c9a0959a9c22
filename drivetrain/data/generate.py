"""Made-up scenarios, each proved solvable: an IDM driver drove it, and its drive is the log.

A scene is drawn, then really driven in the simulator with IDM traffic and an IDM ego. Where
the expert crashes, leaves the road or hardly moves, or where others run into each other, the
scene is drawn anew. The same seed gives the same scenarios.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import families, validate
from drivetrain.data.catalogue import Origin
from drivetrain.data.crowding import others_touch
from drivetrain.data.places import Place
from drivetrain.data.populate import populate
from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.data.split import Split
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.pack import pack
from drivetrain.sim.planners import IdmDriver
from drivetrain.sim.scenario import Scenario, Tracks
from drivetrain.sim.world import Worlds

VERSION = 2
ORIGIN = Origin("generated", VERSION)

STEPS = 151
"""15 s at 10 Hz, both ends counted."""
DRAFT_STEPS = STEPS + 2
"""Longer than what is recorded, so that a world does not begin anew before its last frame."""
PER_PLACE = 4
AT_ONCE = 128
"""Scenes driven together."""
MOST_ROUNDS = 400
LEAST_M = 10.0
LEAST_IN_QUEUE_M = 3.0

BUILT_IN: dict[Split, int] = {"train": 512, "val": 128, "test": 128}
BUILT_IN_SEED = 20_260

Count = Callable[[str], None]


def scenarios(
    count: int, seed: int, *, on_reject: Count | None = None, name: str = "generated"
) -> Iterator[Scenario]:
    """So many scenarios, families in turn; the first of a longer series are the same.

    on_reject: hears the reason of every scene that was drawn anew.
    """
    for batch, first in enumerate(range(0, count, AT_ONCE)):
        size = min(AT_ONCE, count - first)
        slots = [_Slot(seed, batch, number, name) for number in range(size)]
        yield from _solved(slots, on_reject or _ignore)


@cache
def built_in_set() -> ScenarioSet:
    """The scenarios that need no download: their splits are drawn from different seeds."""
    made: list[Scenario] = []
    splits: dict[str, Split] = {}
    for at, (split, count) in enumerate(BUILT_IN.items()):
        drawn = list(scenarios(count, BUILT_IN_SEED + at, name=f"built_in_{split}"))
        splits |= {scenario.group: split for scenario in drawn}
        made += drawn
    return ScenarioSet.from_scenarios(made, origin=ORIGIN, splits=splits)


@dataclass(frozen=True, slots=True)
class Drive:
    """What happened in scenes driven together.

    x_m, y_m, heading_rad, speed_mps: [steps, worlds, slots]; slot 0 is the ego.
    valid: likewise.  ended: [worlds] whether the ego's episode ended before its time.
    """

    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    heading_rad: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    valid: NDArray[np.bool_]
    ended: NDArray[np.bool_]


def drive(drafts: Sequence[Scenario]) -> Drive:
    """Drives scenes for STEPS frames, all at once, the ego by an IDM driver."""
    settings = EnvironmentSettings(num_envs=len(drafts), traffic="idm", horizon_s=60.0)
    worlds = Worlds(pack(drafts), settings, num_worlds=len(drafts), seed=0, in_order=True)
    driver = IdmDriver()
    worlds.reset()
    ended = np.zeros(len(drafts), bool)
    frames = [worlds.snapshot()]
    for _ in range(STEPS - 1):
        worlds.step(driver.act(worlds))
        ended |= worlds.terminated | worlds.truncated
        frames.append(worlds.snapshot())
    return Drive(
        x_m=np.stack([frame.x_m for frame in frames]),
        y_m=np.stack([frame.y_m for frame in frames]),
        heading_rad=np.stack([frame.heading_rad for frame in frames]),
        speed_mps=np.stack([frame.speed_mps for frame in frames]),
        valid=np.stack([frame.valid for frame in frames]),
        ended=ended,
    )


def _solved(slots: Sequence["_Slot"], on_reject: Count) -> list[Scenario]:
    """A good drive for every slot: scenes are drawn and driven until all have one."""
    good: dict[int, Scenario] = {}
    missing, round_ = list(slots), 0
    while missing:
        if round_ == MOST_ROUNDS:
            raise RuntimeError(f"no solvable scene in {MOST_ROUNDS} rounds of {missing[0]}")
        drafts = [slot.draft(round_) for slot in missing]
        driven = drive(drafts)
        for world, (slot, draft) in enumerate(zip(missing, drafts, strict=True)):
            scenario = _recorded(draft, driven, world)
            reason = _fault(scenario, driven, world)
            if reason is None:
                good[slot.number] = scenario
            else:
                on_reject(reason)
        missing, round_ = [slot for slot in slots if slot.number not in good], round_ + 1
    return [good[slot.number] for slot in slots]


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place in the series of scenarios: its family, its road, and its chances."""

    seed: int
    batch: int
    number: int
    name: str

    def draft(self, round_: int) -> Scenario:
        """The scene of some round of drawing: traffic anew each time, the road now and then."""
        road, family = divmod(self.number, len(families.FAMILIES))
        road, which = divmod(road, PER_PLACE)
        type_ = list(families.FAMILIES)[family]
        key = (self.seed, self.batch, family, road, round_ // 4)
        place = _place(type_, key, f"{self.name}/{self.seed}-{self.batch}-{family}-{road}")
        rng = np.random.default_rng((*key, which, round_))
        at = self.batch * AT_ONCE + self.number
        return populate(place, f"{self.name}/{self.seed}-{at}-{type_}", DRAFT_STEPS, rng)


@lru_cache(maxsize=4 * AT_ONCE)
def _place(type_: str, key: tuple[int, ...], name: str) -> Place:
    return families.draw(type_, name, np.random.default_rng(key))


def _recorded(draft: Scenario, driven: Drive, world: int) -> Scenario:
    """The scene with what was driven as its log."""
    agents = len(draft.tracks.x_m)
    seen = driven.valid[:, world, :agents].T
    heading = driven.heading_rad[:, world, :agents].T
    speed = driven.speed_mps[:, world, :agents].T
    tracks = replace(
        draft.tracks,
        x_m=np.where(seen, driven.x_m[:, world, :agents].T, 0.0),
        y_m=np.where(seen, driven.y_m[:, world, :agents].T, 0.0),
        heading_rad=np.where(seen, heading, 0.0),
        vx_mps=np.where(seen, speed * np.cos(heading), 0.0),
        vy_mps=np.where(seen, speed * np.sin(heading), 0.0),
        valid=seen,
    )
    signals = None if draft.signals is None else draft.signals[:, :STEPS]
    return replace(draft, tracks=tracks, signals=signals)


def _fault(scenario: Scenario, driven: Drive, world: int) -> str | None:
    """Why a scene must be drawn anew, or None."""
    if driven.ended[world]:
        return "expert_failed"
    least = LEAST_IN_QUEUE_M if scenario.type == "stopped_queue" else LEAST_M
    if _way_m(scenario.tracks, scenario.ego) < least:
        return "expert_hardly_moves"
    if others_touch(scenario.tracks, scenario.ego):
        return "others_touch"
    return validate.fault(scenario)


def _way_m(tracks: Tracks, agent: int) -> float:
    return float(np.hypot(np.diff(tracks.x_m[agent]), np.diff(tracks.y_m[agent])).sum())


def _ignore(_reason: str) -> None:
    """Nobody asked."""
