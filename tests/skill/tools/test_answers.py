"""Answers that take long: found in the background, fetched by the same call."""

import re
from pathlib import Path

import pytest

from drivetrain.errors import UserError
from skill.tools import doing
from skill.tools.answers import question_of
from tests.skill.tools.conftest import Opened
from tests.written_sets import written_set


def test_a_set_is_described_and_listed(home: Path, opened: Opened) -> None:
    written_set(home / "sets" / "hand")
    listed = opened().call("train_data", {})
    assert "| scenarios | 12 |" in listed.report
    (call,) = listed.next
    found = re.fullmatch(r"train_data\(folder='(.*)'\)", call)
    assert found is not None
    told = opened().call("train_data", {"folder": found[1], "detail": "detailed"})
    assert told.facts is not None
    assert told.facts["scenarios"] == 12


def test_what_is_not_found_in_time_goes_on_and_is_fetched_by_asking_again(
    home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written_set(home / "sets" / "hand")
    with monkeypatch.context() as patch:
        patch.setattr(doing, "ANSWERS_WITHIN_S", 0.0)
        first = opened().call("train_data", {"folder": str(folder)})
    assert first.report.startswith("Still at it, in the background.")
    question = question_of(home, ["data", "info", str(folder)])
    begun = question.complaints.stat().st_ino
    second = opened().call("train_data", {"folder": str(folder)})
    assert second.report.startswith("## Scenario set `")
    assert question.complaints.stat().st_ino == begun, "nothing was begun a second time"


def test_what_cannot_be_answered_is_said_in_a_sentence_and_tried_anew_the_next_time(
    home: Path, opened: Opened
) -> None:
    asked = {"folder": str(home / "sets" / "hand")}
    with pytest.raises(UserError, match="There is no scenario set at"):
        opened().call("train_data", asked)
    with pytest.raises(UserError, match="There is no run `nobody`"):
        opened().call("train_eval", {"driver": "nobody"})
    written_set(home / "sets" / "hand")
    assert opened().call("train_data", asked).report.startswith("## Scenario set `")
