"""Who is called better, and who is not."""

import numpy as np
import pytest

from drivetrain.errors import RequestError
from drivetrain.sim.config import EnvironmentSettings
from trainers.compare import Asked, AskedRun, Contestant, check_alike, of_one_kind
from trainers.comparison import MEASURES, TOLD, Contrast, Entry, Scenes, contrasts, standing
from trainers.ppo_request import PPORequest
from trainers.statistics import Floats


def scenes(groups: int, per_group: int = 2) -> Scenes:
    episodes = groups * per_group
    types = np.where(np.arange(episodes) % 2, "merge", "straight")
    return Scenes(np.repeat(np.arange(groups), per_group), types)


def entry(name: str, score: Floats, runs: int = 1) -> Entry:
    """score: [runs, episodes]; collisions are where it is low."""
    columns = dict.fromkeys(TOLD, score) | {
        "success": (score > 0.5).astype(np.float64),
        "at_fault_collision": (score < 0.5).astype(np.float64),
    }
    ids = tuple(f"{name}{at}" for at in range(runs))
    return Entry(name, "PPO", ids, tuple(range(runs)), (None,) * runs, columns)


def of_measure(found: tuple[Contrast, ...], measure: str) -> Contrast:
    return next(one for one in found if one.measure == measure)


def a_score(seed: int, shift: float, episodes: int) -> Floats:
    noise = np.random.default_rng(seed).normal(0.5 + shift, 0.1, size=(1, episodes))
    return np.clip(noise, 0.0, 1.0)


def test_a_driver_that_is_better_everywhere_is_called_better() -> None:
    good, bad = entry("good", a_score(0, 0.3, 80)), entry("bad", a_score(1, -0.3, 80))
    found = contrasts([good, bad], scenes(40))
    assert {one.verdict for one in found} == {"better"}
    assert of_measure(found, "at_fault_collision").difference.mean < 0
    assert {one.verdict for one in contrasts([bad, good], scenes(40))} == {"worse"}


def test_the_same_difference_on_few_drives_is_called_nothing() -> None:
    good, bad = entry("good", a_score(0, 0.3, 58)), entry("bad", a_score(1, -0.3, 58))
    assert {one.verdict for one in contrasts([good, bad], scenes(29))} == {"too_few"}


def test_chance_is_called_nothing() -> None:
    twins = [entry(name, a_score(seed, 0.0, 80)) for seed, name in enumerate("ab")]
    assert {one.verdict for one in contrasts(twins, scenes(40))} == {"unclear"}


def test_a_lucky_one_of_many_is_not_called_better() -> None:
    many = [entry(f"d{at}", a_score(at + 10, 0.0, 80)) for at in range(8)]
    lucky = entry("lucky", a_score(2, 0.0, 80) + 0.03)
    alone = of_measure(contrasts([lucky, many[0]], scenes(40)), "score")
    among = of_measure(contrasts([lucky, *many], scenes(40)), "score")
    assert among.difference == alone.difference
    assert among.p_corrected > alone.p_corrected >= alone.difference.p
    assert among.verdict == "unclear"


def test_seeds_of_one_kind_are_judged_by_their_mean_and_their_spread() -> None:
    spread = np.array([[0.2], [0.6], [1.0]]) + np.zeros((3, 80))
    told = standing(entry("seeds", spread, 3), scenes(40)).measures["score"]
    assert told is not None
    assert told.mean == pytest.approx(0.6)
    assert told.low is not None
    assert told.high is not None
    assert told.low < 0.45
    assert told.high > 0.75


def test_a_rate_of_nothing_is_still_uncertain() -> None:
    never = entry("never", np.ones((1, 80)))
    told = standing(never, scenes(40)).measures["at_fault_collision"]
    assert told is not None
    assert (told.mean, told.low) == (0.0, 0.0)
    assert told.high is not None
    assert told.high > 0.05


def test_a_type_has_its_own_numbers_and_an_unscored_one_none() -> None:
    score = a_score(0, 0.0, 80)
    score[0, 1::2] = np.nan
    kinds = standing(entry("a", score), scenes(40)).by_type
    assert kinds["merge"].score is None
    assert kinds["straight"].score is not None
    assert (kinds["straight"].scenarios, kinds["straight"].groups) == (40, 40)


def test_two_baselines_are_compared_only_where_nobody_else_is() -> None:
    lone = [
        Entry(name, None, (), (), (), entry("x", a_score(0, 0, 80)).columns) for name in "ab"
    ]
    assert len(contrasts(lone, scenes(40))) == len(MEASURES)
    beside = contrasts([*lone, entry("run", a_score(1, 0, 80))], scenes(40))
    assert {(one.first, one.second) for one in beside} == {("a", "run"), ("b", "run")}


def contestant(name: str, **changes: object) -> Contestant:
    request = PPORequest(run_id=name).model_copy(update=changes)
    facts = request.model_dump(mode="json")
    run = AskedRun.model_validate(
        {"run": name, "request": facts, "checkpoint": "best.pt", "evaluation": "e.json"}
    )
    return Contestant(run, PPORequest.model_validate(facts))


def asked(*runs: Contestant, **changes: object) -> Asked:
    known = {
        "runs": [one.asked for one in runs],
        "baselines": [],
        "data": None,
        "traffic": None,
    }
    return Asked.model_validate(known | changes)


def test_runs_that_differ_in_their_seed_alone_are_one_driver() -> None:
    runs = [contestant("a", seed=0), contestant("b", seed=1), contestant("c", device="cpu")]
    kinds = [[one.asked.run for one in kind] for kind in of_one_kind(runs)]
    assert kinds == [["a", "b"], ["c"]]


def test_runs_of_other_data_are_refused_with_the_set_to_name() -> None:
    runs = [contestant("a"), contestant("b", data="/sets/ngsim")]
    with pytest.raises(RequestError, match=r"`a` on `built-in`, `b` on `/sets/ngsim`") as told:
        check_alike(runs, asked(*runs))
    assert str(told.value).endswith("Try `/train compare a b --data /sets/ngsim`.")
    check_alike(runs, asked(*runs, data="/sets/ngsim"))


def test_runs_of_other_worlds_are_refused_by_what_differs() -> None:
    replayed = EnvironmentSettings(traffic="replay")
    runs = [contestant("a"), contestant("b", environment=replayed)]
    with pytest.raises(RequestError, match=r"`environment\.traffic`: `a` with idm") as told:
        check_alike(runs, asked(*runs))
    assert str(told.value).endswith("Try `/train compare a b --traffic idm`.")
    check_alike(runs, asked(*runs, traffic="idm"))
    short = [contestant("a"), contestant("b", environment=EnvironmentSettings(horizon_s=5))]
    with pytest.raises(RequestError, match=r"`environment\.horizon_s`: .* `b` with 5"):
        check_alike(short, asked(*short))
