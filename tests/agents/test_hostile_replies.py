"""A model that says and calls ten thousand hostile things: each call is answered or refused."""

from pathlib import Path

import pytest

from skill.tools.roles import ROLES
from tests.agents.scripts import in_turn
from tests.agents.worked import Work, lines_of
from tests.clients.messages_api import Say, Use
from tests.hostile import (
    OBEYED,
    assert_nothing_happened,
    hostile_calls,
    hostile_texts,
    without_halves,
)
from tests.hostile_run import ORDER, hostile_run

REPLY = 500
"""Calls of one reply."""
NO_LIMIT = ("--max-turns", "1000", "--max-tokens", "1000000000")
LEFT = ("state",)


def test_no_call_of_a_model_runs_a_command_or_touches_a_file_or_ends_its_work(
    work: Work, home: Path
) -> None:
    texts = list(map(without_halves, hostile_texts(home.parent / "touched")))
    # A model that calls the same for the third time would be stopped for that.
    calls = {repr(call): Use(*call) for call in hostile_calls(texts)}
    uses = list(calls.values())
    for number, start in enumerate(range(0, len(uses), REPLY)):
        said = texts[start + 1]
        done = work(
            list(ROLES)[number % 2],
            in_turn(Say(said, *uses[start : start + REPLY]), Say(said)),
            options=NO_LIMIT,
            task=f"Do {texts[start + 2]}",
        )
        assert done.exit_code == 0, done.err[-1000:]
        assert not OBEYED.search(done.out + done.err)
        assert len(done.results) == len(uses[start : start + REPLY])
        for result in done.results:
            # The SDK repeats the name of a tool that is none to the model that made it up.
            assert not OBEYED.search(result.text.replace(result.tool, "")), result
    assert len(lines_of(home / "audit.jsonl")) == len(uses)
    assert_nothing_happened(home, *LEFT)


@pytest.mark.parametrize("role", ROLES)
def test_a_run_with_hostile_records_is_told_to_a_model_as_text(
    work: Work, home: Path, role: str
) -> None:
    hostile_run(home)
    looks: list[dict[str, str]] = [{}, {"run": "r1"}, {"run": "r1", "detail": "detailed"}]
    calls = [*(Use("train_status", look) for look in looks), Use("train_logs", {"run": "r1"})]
    done = work(role, in_turn(Say(*calls)))
    assert done.exit_code == 0, done.err
    for result in done.results:
        assert ORDER in result.text
        assert not OBEYED.search(result.text)
        assert "\\u001b" not in result.text


@pytest.mark.parametrize(("words", "run"), [("I look \ud83d", "a"), ("I look", "a\ud83d")])
def test_half_a_character_in_a_reply_ends_the_work_in_a_sentence(
    work: Work, words: str, run: str
) -> None:
    done = work("model-trainer", in_turn(Say(words, Use("train_status", {"run": run}))))
    assert done.exit_code == 75
    assert "error: The model's reply cannot be read; none of its calls was done." in done.err
    assert not done.home.joinpath("audit.jsonl").exists()


def test_half_a_character_in_a_task_is_marked(work: Work) -> None:
    done = work("model-trainer", in_turn(Say("Fine.")), task="Look \udcff")
    assert (done.exit_code, done.out) == (0, "Fine.\n"), done.err
    assert done.api.asked[0].last == done.transcript[0]["text"] == "Look \ufffd"
