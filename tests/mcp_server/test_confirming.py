"""A run is stopped once a person said so: asked by the host, or confirmed by a second call."""

from pathlib import Path

import pytest

from drivetrain.runs.record import Ended, Running, Stopping
from drivetrain.runs.registry import find_run
from drivetrain.runs.wait import wait_for
from tests.mcp_server.hosts import ERAS, PATIENCE_S, begun, call, text_of


@pytest.mark.parametrize("era", ERAS)
def test_an_accepted_stop_stops(home: Path, era: str) -> None:
    begun(home, "a")
    answer = call(home, "train_stop", {"run": "a"}, era=era, answer="accept")
    assert text_of(answer).startswith("Run `a` is asked to stop")
    assert isinstance(find_run(home, "a").state, Stopping | Ended)


@pytest.mark.parametrize("era", ERAS)
def test_a_declined_stop_leaves_the_run_alone(home: Path, era: str) -> None:
    begun(home, "a")
    answer = call(home, "train_stop", {"run": "a"}, era=era, answer="decline")
    assert text_of(answer) == "Declined. Run `a` is untouched."
    assert isinstance(find_run(home, "a").state, Running)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("person", ["cancel", None])
def test_where_nobody_answers_the_call_says_how_to_confirm(
    home: Path, era: str, person: str | None
) -> None:
    begun(home, "a")
    answer = call(home, "train_stop", {"run": "a"}, era=era, answer=person)
    assert answer.is_error
    assert "`train_stop(run='a', confirm='a')`" in text_of(answer)
    assert isinstance(find_run(home, "a").state, Running)


@pytest.mark.parametrize("era", ERAS)
def test_a_confirmed_stop_asks_nobody(home: Path, era: str) -> None:
    begun(home, "a")
    asked = {"run": "a", "confirm": "a"}
    answer = call(home, "train_stop", asked, era=era, answer="decline")
    assert text_of(answer).startswith("Run `a` is asked to stop")


@pytest.mark.parametrize(
    ("role", "name"), [(None, "a chat, over MCP"), ("model-trainer", "the model-trainer agent")]
)
def test_the_run_tells_whose_call_stopped_it(home: Path, role: str | None, name: str) -> None:
    begun(home, "a")
    call(home, "train_stop", {"run": "a"}, role=role, answer="accept")
    wait_for(home, "a", PATIENCE_S)
    page = text_of(call(home, "train_status", {"run": "a"}))
    assert f": asked to stop by {name}" in page


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_that_stops_by_itself_must_cite_a_finding(home: Path, era: str) -> None:
    begun(home, "a")
    asked = {"run": "a", "confirm": "a", "finding": "plateau"}
    answer = call(home, "train_stop", asked, era=era, role="model-trainer")
    assert answer.is_error
    assert "no finding of `a`" in text_of(answer)
    assert isinstance(find_run(home, "a").state, Running)
