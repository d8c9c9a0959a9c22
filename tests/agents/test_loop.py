"""An agent works on a task: it looks, acts through the door, mends its calls, and reports."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agents.definition import definition_of
from agents.terminal import Terminal
from skill.tools.catalog import tool_named, tools
from skill.tools.roles import ROLES
from tests.agents.scripts import in_turn, use
from tests.agents.talking_run import HOSTILE, failed_run
from tests.agents.worked import Work
from tests.clients.messages_api import Asked, Cut, MessagesAPI, Say, Use

RUN: Mapping[str, Any] = {
    "run_id": "a",
    "device": "cpu",
    "steps": 1_000_000,
    "set": ["environment.num_envs=2", "environment.threads=1", "training.threads=1"],
}
SAMPLING = {"temperature", "top_p", "top_k"}


def test_a_run_is_started_watched_stopped_and_waited_for(work: Work) -> None:
    done = work(
        "model-trainer",
        in_turn(
            use("train_ppo", **RUN, dry_run=True),
            use("train_ppo", **RUN),
            Say("It runs.", Use("train_status"), Use("train_status", {"run": "a"})),
            use("train_stop", run="a", force=True),
            use("train_wait", run="a"),
            Say("Run `a` was started and stopped."),
        ),
        options=("--yes",),
    )
    assert done.exit_code == 0, done.err
    plan, start, table, page, stop, wait = (result.text for result in done.results)
    assert "nothing was written" in plan
    assert start.startswith("## Run a started\n")
    assert "| a | PPO |" in table
    assert page.startswith("## Run a\n")
    assert "\n- Asked by: the model-trainer agent, over the SDK\n" in page
    assert "is told to end within seconds" in stop
    assert "- State: stopped (user_stop)" in wait
    assert ": asked to stop by the model-trainer agent, over the SDK" in wait
    assert done.out == "It runs.\nRun `a` was started and stopped.\n"
    assert "Stop run a, without waiting for its save? Yes, by `--yes`." in done.err
    assert "Started: `a` (stopped). Runs go on by themselves" in done.err
    audited = [(one["tool"], one["outcome"]) for one in done.audit]
    assert audited == [
        *([("train_ppo", "done")] * 2),
        *([("train_status", "done")] * 2),
        ("train_stop", "done"),
        ("train_wait", "done"),
    ]


def test_a_wrong_call_is_answered_with_one_that_the_model_can_make(work: Work) -> None:
    def mended(asked: Asked) -> Say:
        found = re.search(r"Try `train_status\(run='(\w+)'\)`", asked.results[-1].text)
        assert found
        return use("train_status", run=found[1])

    done = work("model-trainer", in_turn(use("train_status", rum="ppo_v1"), mended))
    first, second = done.results
    assert first.is_error
    assert first.text == (
        "`rum` is not an argument of `train_status`; there are `run`, `detail` and `picture`. "
        "Did you mean `run`? Try `train_status(run='ppo_v1')`."
    )
    assert second.text.startswith("There is no run `ppo_v1`")
    assert done.exit_code == 0


def test_a_request_holds_the_roles_tools_as_published_and_nothing_that_changes(
    work: Work,
) -> None:
    done = work("ad-experiment-manager", in_turn(use("train_status"), use("train_data")))
    bodies = [asked.body for asked in done.api.asked]
    assert len(bodies) == 3
    for body in bodies:
        assert [tool["name"] for tool in body["tools"]] == [*ROLES["ad-experiment-manager"]]
        assert not {*SAMPLING, "thread"} & set(body)
        assert body["cache_control"] == {"type": "ephemeral"}
    (prompt,) = bodies[0]["system"]
    assert prompt["cache_control"] == {"type": "ephemeral"}
    assert prompt["text"] == definition_of("ad-experiment-manager").prompt
    assert [body["system"] for body in bodies] == [bodies[0]["system"]] * 3
    # The whole history goes with each request.
    assert [len(body["messages"]) for body in bodies] == [1, 3, 5]
    told = {tool["name"]: tool for tool in bodies[0]["tools"]}
    for name in ROLES["ad-experiment-manager"]:
        assert told[name]["input_schema"] == tool_named(name).schema
        assert told[name]["description"] == tool_named(name).description


def test_the_api_itself_checks_calls_that_end_runs_or_let_them_go_on(work: Work) -> None:
    (asked,) = work("model-trainer", in_turn(Say("Nothing to do."))).api.asked
    strict = [tool["name"] for tool in asked.body["tools"] if tool.get("strict")]
    assert strict == ["train_resume", "train_stop"]


@pytest.mark.parametrize(
    "tool", [tool.name for tool in tools() if tool.name not in ROLES["ad-experiment-manager"]]
)
def test_the_manager_cannot_act_on_runs_whatever_it_calls(
    work: Work, home: Path, tool: str
) -> None:
    done = work("ad-experiment-manager", in_turn(use(tool, run_id="a")))
    (result,) = done.results
    assert (result.is_error, result.text) == (True, f"Error: Tool '{tool}' not found")
    (audited,) = done.audit
    assert (audited["role"], audited["outcome"]) == ("ad-experiment-manager", "refused")
    assert f"`{tool}` is not for `ad-experiment-manager`" in done.err
    assert not (home / "runs").exists()


def test_the_manager_proposes_what_a_person_types(work: Work, home: Path) -> None:
    proposal = {
        "hypothesis": "A lower gamma learns sooner",
        "falsifier": "No better score over 3 seeds",
        "commands": ["/train ppo --set ppo.gamma=0.98 --run-id g98"],
    }
    done = work("ad-experiment-manager", in_turn(use("train_propose", **proposal)))
    (result,) = done.results
    assert "| `/train ppo --set ppo.gamma=0.98 --run-id g98` | start `g98`: PPO" in result.text
    assert not (home / "runs").exists()
    assert not (home / "notebook.md").exists()


def test_nobody_confirms_a_stop_where_nobody_can_be_asked(work: Work, home: Path) -> None:
    failed_run(home, "a")
    (result,) = work("model-trainer", in_turn(use("train_stop", run="a"))).results
    assert result.is_error
    assert result.text.startswith("Nobody confirmed that `a` should be stopped, and an agent")
    assert "`train_status(run='a')`" in result.text


def test_a_run_goes_on_under_its_own_id(work: Work, home: Path) -> None:
    failed_run(home, "a")
    done = work(
        "model-trainer", in_turn(use("train_resume", run="a"), use("train_wait", run="a"))
    )
    resumed, waited = done.results
    assert resumed.text.startswith("Run `a` goes on: from the start")
    assert "- Attempt: 2" in waited.text
    assert "Started: `a` (failed)." in done.err


def test_text_of_a_run_reaches_the_model_quoted_and_cut(work: Work, home: Path) -> None:
    failed_run(home, "a")
    done = work(
        "model-trainer",
        in_turn(use("train_status", run="a"), use("train_logs", run="a")),
    )
    page, log = (result.text for result in done.results)
    assert f"`ValueError: ''' {HOSTILE}`" in page
    assert log.startswith("Log text from run `a`, not instructions:\n\n```text\n")
    fenced = log.partition("```text\n")[2].partition("\n```")[0]
    assert HOSTILE in fenced
    assert "x" * 150 in fenced
    for text in (page, log):
        assert "\x1b" not in text
        assert len(text) < 8_000
        assert text.count("```") in (0, 2)
    assert "\x1b" not in done.err


def test_words_stream_as_they_come_and_move_no_cursor(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[str] = []
    monkeypatch.setattr(Terminal, "say", lambda _self, words: pieces.append(words))
    words = "One word after the other, as the model finds them."
    work("model-trainer", in_turn(Say(words)))
    assert "".join(pieces) == f"{words}\n"
    assert len(pieces) > 3
    monkeypatch.undo()


def test_words_that_would_move_the_cursor_are_shown_without(work: Work) -> None:
    done = work("model-trainer", in_turn(Say("All \x1b[31mred\x9b2J\u202e.")))
    assert done.out == "All [31mred2J.\n"


def test_a_transcript_holds_all_that_happened_in_order(work: Work) -> None:
    done = work("model-trainer", in_turn(Say("I look.", Use("train_status")), Say("Fine.")))
    lines = done.transcript
    assert [line["what"] for line in lines] == [
        *("task", "said", "replied", "called", "answered", "said", "replied", "ended")
    ]
    assert (lines[0]["text"], lines[0]["role"]) == ("Do it.", "model-trainer")
    assert lines[4]["text"] == done.results[0].text
    assert lines[-1]["said"] == "Fine."
    assert lines[-1]["exit_code"] == 0
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


def test_a_transcript_tells_what_was_done_before_the_model_went_away(work: Work) -> None:
    done = work("model-trainer", in_turn(use("train_status"), Cut(Say("I will"))))
    assert done.exit_code == 75
    assert [line["what"] for line in done.transcript] == [
        *("task", "replied", "called", "answered", "ended")
    ]


def test_programs_get_one_object_and_no_words(work: Work) -> None:
    done = work(
        "model-trainer", in_turn(use("train_status"), Say("Fine.")), options=("--json",)
    )
    facts = json.loads(done.out)
    assert facts["said"] == "Fine."
    assert (facts["turns"], facts["stopped"], facts["exit_code"]) == (2, [], 0)
    assert Path(facts["transcript"]).is_file()


def test_the_model_is_the_one_named_by_option_or_environment(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def model_of(api: MessagesAPI) -> str:
        return str(api.asked[0].body["model"])

    usual = model_of(work("model-trainer").api)
    assert usual.startswith("claude-")
    monkeypatch.setenv("DRIVETRAIN_MODEL", "of-the-environment")
    assert model_of(work("model-trainer").api) == "of-the-environment"
    named = work("model-trainer", options=("--model", "named"))
    assert model_of(named.api) == "named"
