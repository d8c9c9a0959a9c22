"""Where the model cannot be asked: one sentence, an exit code, and what was started before."""

import socket
from functools import partial
from pathlib import Path

import anthropic
import httpx2
import pytest

from agents.__main__ import main
from tests.agents.scripts import in_turn, use
from tests.agents.worked import Work
from tests.clients.messages_api import Answer, Cut, Refuse, Say, Use

SENTENCES: dict[str, tuple[Answer, int, str]] = {
    "wrong key": (Refuse(401, message="invalid x-api-key"), 2, "does not accept the key (401"),
    "no model": (Refuse(404, "not_found_error", "model: x"), 2, "Try another one by `--model`"),
    "bad request": (Refuse(400, message="no such field"), 2, "refused the request (400"),
    "too long": (Refuse(400, message="prompt is too long: 1 > 0"), 2, "became too long"),
    "too large": (Refuse(413, "request_too_large"), 2, "became too long"),
    "too many": (
        Refuse(429, headers={"retry-after": "17"}),
        75,
        "takes no more requests for now (429: no). It asks to wait 17 s.",
    ),
    "overloaded": (Refuse(529), 75, "is overloaded or out of order (529: no)"),
    "out of order": (Refuse(500), 75, "is overloaded or out of order (500: no)"),
    "cut": (Cut(Say("I am about", Use("train_ppo", {}))), 75, "broke within a reply"),
    "cut late": (Cut(Say(Use("train_ppo", {"run_id": "b"})), 5), 75, "broke within a reply"),
    "overloaded while it speaks": (
        Cut(Say("I am about to"), error="overloaded_error"),
        75,
        "overloaded",
    ),
}


@pytest.mark.parametrize("fault", SENTENCES)
def test_a_fault_is_told_in_one_sentence(work: Work, home: Path, fault: str) -> None:
    answer, code, words = SENTENCES[fault]
    done = work("model-trainer", in_turn(use("train_status"), answer))
    assert done.exit_code == code
    (told,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert words in told
    assert "Traceback" not in done.err
    assert "No run was started." in done.err
    assert not (home / "runs").exists()


def test_what_was_started_before_a_fault_is_named(work: Work) -> None:
    start = use("train_ppo", run_id="a", device="cpu", set=["environment.num_envs=2"])
    done = work("model-trainer", in_turn(start, Refuse(529)))
    assert done.exit_code == 75
    assert "Started: `a` (running). Runs go on by themselves: `bin/train status`." in done.err


def test_without_a_key_nothing_is_begun(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model-trainer", "Do it."]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: There is no key for the Messages API")
    assert "`export ANTHROPIC_API_KEY=…`" in said.err
    assert not home.exists()


WHOLE_EVENT = (
    'event: message_start\ndata: {"type": "message_start", "message": {"id": "m", "type": '
    '"message", "role": "assistant", "model": "m", "content": [], "stop_reason": null, '
    '"stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1}}}\n\n'
)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("events", ["", WHOLE_EVENT])
def test_a_stream_that_ends_early_without_an_error_is_no_answer(
    events: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(_asked: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, text=events)

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as way:
        client = partial(anthropic.Anthropic, http_client=way)
        monkeypatch.setattr("agents.job.anthropic.Anthropic", client)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "fake")
        assert main(["model-trainer", "Do it."]) == 75
    assert "broke within" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_without_a_network_the_address_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("ANTHROPIC_BASE_URL", address)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "fake")
    assert main(["model-trainer", "Do it."]) == 75
    told = capsys.readouterr().err
    assert f"error: `{address}" in told
    assert "cannot be reached" in told


def test_an_interrupt_names_what_goes_on(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("skill.tools.door.Door.call", interrupted)
    done = work("model-trainer", in_turn(use("train_status")))
    assert done.exit_code == 130
    assert "error: Interrupted." in done.err


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("max_tokens", "was cut at 8,192 tokens"),
        ("refusal", "refused to go on"),
        ("model_context_window_exceeded", "became too long"),
    ],
)
def test_a_reply_that_is_no_answer_is_told(work: Work, reason: str, words: str) -> None:
    done = work("model-trainer", in_turn(Say("I", stop_reason=reason)))
    assert done.exit_code == 75
    assert words in done.err


def test_a_home_that_cannot_be_written_is_told(work: Work, home: Path) -> None:
    home.write_text("a file")
    done = work("model-trainer", in_turn(use("train_status")))
    assert done.exit_code == 2
    assert "cannot be used" in done.err
