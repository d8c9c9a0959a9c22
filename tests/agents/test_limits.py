"""An agent is stopped by what it was given, told so, and what it started is named."""

from agents.repetition import Repetition
from tests.agents.scripts import in_turn, use
from tests.agents.worked import Work
from tests.clients.messages_api import Asked, Say, Use

SMALL = {"device": "cpu", "set": ["environment.num_envs=2"]}


def look_on(asked: Asked) -> Say:
    """A call that differs each time."""
    number = len(asked.results)
    return use("train_status", run=f"no_such_{number}")


def test_after_its_turns_nothing_is_done_and_the_model_reports(work: Work) -> None:
    turns = (use("train_status"), use("train_data"), use("train_ppo", run_id="late"))
    done = work(
        "model-trainer", in_turn(*turns, Say("Two looks.")), options=("--max-turns", "2")
    )
    assert done.exit_code == 75
    assert [result.is_error for result in done.results] == [False, False, True]
    assert done.results[-1].text == (
        "The limit of 2 turns (`--max-turns`) is reached. Call nothing more; report what there "
        "is."
    )
    assert done.out == "Two looks.\n"
    assert (
        "\nThe limit of 2 turns (`--max-turns`) is reached.\nNo run was started.\n" in done.err
    )
    assert not (done.home / "runs").exists()


def test_a_model_that_calls_on_instead_of_reporting_is_cut_off(work: Work) -> None:
    done = work("model-trainer", look_on, options=("--max-turns", "2"))
    assert done.exit_code == 75
    assert len(done.api.asked) == 4
    assert len(done.audit) == 2


def test_a_report_within_the_turns_is_no_limit(work: Work) -> None:
    rule = in_turn(use("train_status"), Say("One look."))
    done = work("model-trainer", rule, options=("--max-turns", "1"))
    assert (done.exit_code, done.out) == (0, "One look.\n")


def test_after_its_tokens_nothing_is_done(work: Work) -> None:
    rule = in_turn(use("train_ppo", run_id="late"), Say("Nothing was done."))
    done = work("model-trainer", rule, options=("--max-tokens", "10"))
    assert done.exit_code == 75
    assert "The limit of 10 tokens (`--max-tokens`) is reached." in done.err
    assert not (done.home / "runs").exists()


def test_no_more_runs_are_started_than_it_may(work: Work) -> None:
    start = {"run_id": "a", **SMALL}
    done = work(
        "model-trainer",
        in_turn(
            Say(Use("train_ppo", start), Use("train_ppo", start | {"run_id": "b"})),
            Say(
                Use("train_ppo", start | {"run_id": "b", "dry_run": True}), Use("train_status")
            ),
            Say("One of two runs."),
        ),
        options=("--max-runs", "1"),
    )
    assert done.exit_code == 75
    assert [result.is_error for result in done.results] == [False, True, False, False]
    assert done.results[1].text == (
        "The limit of 1 runs (`--max-runs`) is reached; started were `a`. Start no more; "
        "report what there is."
    )
    assert [path.name for path in (done.home / "runs").glob("[a-z]")] == ["a"]
    assert "Started: `a` (" in done.err


def test_the_same_start_again_is_one_run(work: Work) -> None:
    start = use("train_ppo", run_id="a", **SMALL)
    other = use("train_ppo", run_id="b", **SMALL)
    done = work("model-trainer", in_turn(start, start, other), options=("--max-runs", "2"))
    assert done.results[1].text.startswith("## Run a is already there")
    assert done.exit_code == 0, done.err
    assert done.err.count("`a`") == done.err.count("`b`") == 1


def test_a_third_time_the_same_ends_the_work(work: Work) -> None:
    done = work("model-trainer", in_turn(*[use("train_data")] * 3, use("train_status")))
    assert done.exit_code == 75
    assert [result.is_error for result in done.results] == [False, False, True]
    assert done.results[2].text == (
        f"{done.results[0].text}\n\n`train_data` was called and answered the same for the "
        "third time. Call nothing more; report what there is."
    )
    assert len(done.audit) == 3
    assert "\n`train_data` was called and answered the same for the third time.\n" in done.err


def test_the_same_call_with_another_answer_is_no_circle() -> None:
    repetition = Repetition()
    answers = ["a", "b", "a", "b"]
    assert not any(repetition.is_circle("t", {"x": 1}, answer, 0.0) for answer in answers)
    assert repetition.is_circle("t", {"x": 1}, "a", 0.0)


def test_to_wait_again_is_no_circle() -> None:
    repetition = Repetition()
    assert not any(repetition.is_circle("train_wait", {}, "still", 45.0) for _ in range(9))
