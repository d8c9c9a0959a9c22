"""`/train replay`: who is drawn where, and what is answered."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from drivetrain.errors import NotFoundError
from drivetrain.runs import launch
from drivetrain.runs.folder import RunFolder
from skill.actions import act, replaying
from skill.children import Said
from skill.command import parse
from skill.replay_page import replay_report
from skill.report import Report
from skill.room import Room
from tests.runs.living import spec

FACTS: dict[str, Any] = {
    "driver": "ppo_v1 (best)",
    "data": "built-in",
    "folder": "/drive/experiments/replays/ppo_v1",
    "index": None,
    "replays": [
        {
            "scenario": "built_in_test/7-curve",
            "licence": "generated",
            "ended": "Left the road",
            "success": False,
            "seconds": 1.9,
            "progress": 0.25,
            "reward": 0.746,
            "score": None,
            "page": "/drive/experiments/replays/ppo_v1/7.html",
            "image": "/drive/experiments/replays/ppo_v1/7.gif",
        }
    ],
}


class Child:
    """Notes what it is told, and answers with FACTS."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        self.words: list[str] = []
        self._home = home
        monkeypatch.setattr(replaying, "run_child", self._run)

    def _run(self, module: str, words: Sequence[str]) -> Said:
        assert module == "trainers.replay"
        self.words = list(words)
        return Said(f"noise\n{json.dumps(FACTS)}\n", 0)

    def answers(self, text: str) -> Report:
        return act(parse(text), Room(self._home, io.StringIO()))


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Child:
    return Child(monkeypatch, tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run that left a checkpoint."""
    made, _ = launch._reserve(tmp_path, spec("work"))
    made.checkpoints.mkdir(parents=True)
    made.best_checkpoint.write_bytes(b"")
    return made


def test_a_baseline_is_drawn_beside_the_runs(child: Child, tmp_path: Path) -> None:
    child.answers("replay idm --worst 2 --data sets/a")
    assert child.words == [
        *("--baseline", "idm", f"--out={tmp_path / 'replays' / 'idm'}"),
        *("--worst", "2", "--data=sets/a"),
    ]


def test_the_worst_are_those_of_the_evaluation(child: Child, folder: RunFolder) -> None:
    folder.evaluation.write_text(json.dumps({"worst": ["c", "a", "b"]}), encoding="utf-8")
    child.answers(f"replay {folder.id} --worst 2")
    assert child.words[:2] == ["--checkpoint", str(folder.best_checkpoint)]
    assert child.words[-2:] == ["--scenario=c", "--scenario=a"]
    # Of another set, or where more are wanted than it names, it does not know.
    for words in ("--worst 4", "--data sets/a"):
        child.answers(f"replay {folder.id} {words}")
        assert not [word for word in child.words if word.startswith("--scenario")]


@pytest.mark.parametrize("evaluation", ["", "{", "[]", '{"worst": 3}', '{"worst": null}'])
def test_a_damaged_evaluation_is_as_good_as_none(
    child: Child, folder: RunFolder, evaluation: str
) -> None:
    folder.evaluation.write_text(evaluation, encoding="utf-8")
    child.answers(f"replay {folder.id}")
    assert child.words[-2:] == ["--worst", "3"]


def test_a_name_that_looks_like_an_option_stays_a_name(child: Child) -> None:
    child.answers("replay idm --scenario=--baseline --out=--x")
    assert child.words[-1] == "--scenario=--baseline"
    assert child.words[2].startswith("--out=/")


def test_a_run_that_is_not_there_is_refused(child: Child) -> None:
    with pytest.raises(NotFoundError, match="There is no run `nope`"):
        child.answers("replay nope")
    assert child.words == []


def test_the_answer_names_files_and_ends_and_what_to_type(child: Child) -> None:
    report = child.answers("replay idm")
    assert report.markdown == "\n".join(
        [
            "## Replays of `ppo_v1 (best)`",
            "",
            "| Scenario | Ended | After | Progress | Reward | Page | Image |",
            "|----------|-------|-------|----------|--------|------|-------|",
            "| `built_in_test/7-curve` | Left the road, no success | 1.9 s | 25% | 0.75 "
            "| `7.html` | `7.gif` |",
            "",
            "- Folder: `/drive/experiments/replays/ppo_v1`",
            "- Open in a browser: `/drive/experiments/replays/ppo_v1/7.html`; "
            "the pages need no network",
            "- Data: `built-in`, licence `generated`",
            "",
            "Next: `/train eval idm`, or `/train replay idm --scenario built_in_test/7-curve`",
        ]
    )
    assert json.loads(report.text(as_json=True)) == FACTS


def test_a_score_is_shown_where_there_is_one_and_no_name_is_markup() -> None:
    (replay,) = FACTS["replays"]
    mean = {**replay, "score": 0.5, "scenario": "a|b`](x)\n# c"}
    text = replay_report("x", FACTS | {"replays": [mean], "index": "/i.html"}).markdown
    assert "| Score |" in text
    assert "\n# c" not in text
    assert "--scenario …" in text
    assert "`/i.html`" in text
