"""The manager keeps a notebook: numbers of the comparison, a verdict no surer than it is."""

import copy
from pathlib import Path
from typing import Any

import pytest

from agents.notebook import Comparison, Verdict, write_entry
from drivetrain.runs.atomic import replace_json
from skill.tools.answers import question_of
from tests.agents.scripts import in_turn, use
from tests.agents.worked import Work
from tests.clients.messages_api import Answer, Asked, Refuse, Rule, Say
from tests.written_sets import written_set

MANAGER = "ad-experiment-manager"
GAP = {"mean": 0.25, "low": 0.125, "high": 0.5}
CONTRAST = {"first": "a", "second": "b|x", "measure": "score", "p_corrected": 0.01}
FACTS: dict[str, Any] = {
    "data": {"name": "sets/`x`", "split": "test", "scenarios": 90, "groups": 45},
    "drivers": [{"name": "a"}, {"name": "b|x"}],
    "comparisons": [{**CONTRAST, "difference": GAP, "verdict": "better"}],
}


class NoonClock:
    def wall(self) -> float:
        return 43_200.0

    def mono(self) -> float:
        return 0.0


def judging(text: str) -> Rule:
    def rule(asked: Asked) -> Answer | None:
        return Say(text) if asked.body.get("output_config") else None

    return rule


def test_what_was_compared_is_noted_with_its_numbers_and_no_surer(work: Work) -> None:
    data = str(written_set(Path("set")))
    compare = use("train_compare", runs=["idm"], baselines=["constant_velocity"], data=data)

    def model(asked: Asked) -> Answer:
        # On a busy machine the answer is fetched by asking again.
        is_found = asked.results and not asked.results[-1].text.startswith("Still at it")
        return Say("IDM is better by 99.9 %.") if is_found else compare

    sure = judging('{"question": "Does IDM drive better?", "answer": "yes"}')
    done = work(MANAGER, sure, model)
    assert done.exit_code == 0, done.err
    note = (done.home / "notebook.md").read_text()
    assert ": Does IDM drive better?\n" in note
    assert (
        "- Compared: `constant velocity` and `IDM`\n- On: 4 `test` scenarios of `set`" in note
    )
    assert "- `constant velocity` and `IDM`: too few groups to tell." in note
    assert "| `constant velocity` less `IDM` | -1.000 (-1.000 to -1.000), p " in note
    # Four drives tell nothing for sure, whatever the model says.
    assert note.endswith("Verdict: **open**.\n\n")
    assert "99.9" not in note
    assert f"Noted in {done.home / 'notebook.md'}" in done.err
    asked = done.api.asked[-1]
    assert "IDM is better by 99.9 %." in asked.text
    assert asked.body["output_config"]["format"]["type"] == "json_schema"


def answered(home: Path, facts: dict[str, Any], *words: str) -> None:
    """A comparison that was found before."""
    question = question_of(home, words)
    question.folder.mkdir(parents=True)
    replace_json(question.answer, {"markdown": "## Found", "facts": facts, "exit_code": 0})


@pytest.mark.parametrize(("found", "noted"), [("better", "yes"), ("unclear", "open")])
def test_a_verdict_stands_where_the_comparison_is_sure(
    work: Work, home: Path, found: str, noted: str
) -> None:
    facts = copy.deepcopy(FACTS)
    facts["comparisons"][0]["verdict"] = found
    answered(home, facts, "compare", "a", "b")
    model = in_turn(use("train_compare", runs=["a", "b"]), Say("So it is."))
    done = work(MANAGER, judging('{"question": "Better?", "answer": "yes"}'), model)
    assert done.exit_code == 0, done.err
    assert f"Verdict: **{noted}**." in (home / "notebook.md").read_text()


def test_a_second_entry_leaves_the_first_as_it_is(tmp_path: Path) -> None:
    comparison = Comparison("id", ("a", "b|x"), FACTS)
    hostile = Verdict(question="Better?\n## Forged | `x` <b>\x1b[31m", answer="yes")
    path = write_entry(tmp_path, hostile, [comparison], NoonClock())
    first = path.read_text()
    assert first.splitlines()[0] == "## 1970-01-01 12:00 UTC: Better? ## Forged / 'x' (b>"
    assert "- `a` is better than `b|x`: score 0.250 higher (0.125 to 0.500)." in first
    assert "| `a` less `b\\|x` | +0.250 (+0.125 to +0.500), p 0.010 |" in first
    write_entry(tmp_path, Verdict(question="Again?", answer="no"), [comparison], NoonClock())
    both = path.read_text()
    assert both.startswith(first)
    assert both.count("\n## ") + 1 == 2


def test_nothing_is_noted_where_nothing_was_compared(work: Work, home: Path) -> None:
    model = in_turn(use("train_compare", runs=["a", "b"]), use("train_status"), Say("None."))
    done = work(MANAGER, model)
    assert done.results[0].is_error
    assert not (home / "notebook.md").exists()
    assert all(asked.tools for asked in done.api.asked)


@pytest.mark.parametrize("answer", [Refuse(529), Say("no JSON at all")])
def test_nothing_is_noted_without_a_verdict(work: Work, home: Path, answer: Answer) -> None:
    answered(home, FACTS, "compare", "a", "b")

    def rule(asked: Asked) -> Answer | None:
        return answer if asked.body.get("output_config") else None

    done = work(MANAGER, rule, in_turn(use("train_compare", runs=["a", "b"])))
    assert done.exit_code == 75
    assert "Traceback" not in done.err
    assert not (home / "notebook.md").exists()
