"""Records of a run that hold hostile texts, or anything at all: pages show them as text."""

import json
import math
import re
from collections.abc import Iterator
from copy import deepcopy
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from drivetrain.runs.folder import RunFolder
from skill.__main__ import main
from skill.tools.door import Caller, Door
from tests.hostile import OBEYED
from tests.hostile_run import HOSTILE, ORDER, hostile_run, records, write

LOOKS = ("status", "status r1", "diagnose r1", "watch r1", "wait r1 --timeout 0")
JSON_LOOKS = ("status --json", "status r1 --json", "watch r1 --json", "diagnose r1 --json")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
ODD: tuple[Any, ...] = (None, [], {}, -1, math.nan, math.inf, 1e308, 10**400, True, [HOSTILE])
"""What a record may hold in the place of a text or a number once somebody has written to it."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("DRIVETRAIN_HOME", str(tmp_path / "home"))
    return hostile_run(tmp_path / "home")


def looked(look: str, capsys: pytest.CaptureFixture[str]) -> str:
    main([look])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err, look
    return out + err


def assert_text(page: str) -> None:
    """Nothing hostile stands outside of quotes, and nothing would move a cursor."""
    assert not OBEYED.search(page), page
    assert ORDER not in CODE.sub("", page), page


@pytest.mark.parametrize("look", [*LOOKS, "logs r1", "doctor"])
def test_what_others_wrote_is_quoted_on_every_page(
    run: RunFolder, look: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_text(looked(look, capsys))
    assert {path.name for path in run.home.parent.iterdir()} == {run.home.name}


@pytest.mark.usefixtures("run")
def test_a_page_hides_nothing_of_what_others_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    assert looked("status r1", capsys).count(f"`{ORDER}") > 10


@pytest.mark.parametrize("look", JSON_LOOKS)
@pytest.mark.usefixtures("run")
def test_facts_for_programs_are_exact_and_move_no_cursor(
    look: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = looked(look, capsys)
    assert shown.replace("\n", "").isprintable()
    facts = [json.loads(line) for line in shown.splitlines()]
    if look == "status r1 --json":
        assert facts[0]["request"]["data"] == HOSTILE


def test_facts_for_a_model_are_as_plain_as_a_page(run: RunFolder) -> None:
    reply = Door(run.home, Caller("mcp")).call(
        "train_status", {"run": "r1", "detail": "detailed"}
    )
    assert reply.facts is not None
    told = json.dumps(reply.facts, ensure_ascii=False)
    assert ORDER in told
    assert not OBEYED.search(told)
    assert "\\u001b" not in told


def places_in(facts: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value of a record, those that hold others included."""
    if path:
        yield path
    inner = facts.items() if isinstance(facts, dict) else ()
    for name, value in enumerate(facts) if isinstance(facts, list) else inner:
        yield from places_in(value, (*path, name))


def replaced(facts: Any, path: tuple[Any, ...], value: object) -> Any:
    changed = place = deepcopy(facts)
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return changed


def test_no_value_of_a_record_ends_a_look_in_a_traceback(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    odd, looks = cycle(ODD), cycle(LOOKS)
    for path, facts in records(run, HOSTILE).items():
        for place in places_in(facts):
            for value in (HOSTILE, next(odd), next(odd), next(odd)):
                write(path, replaced(facts, place, value))
                for look in ("status r1", next(looks)):
                    assert_text(looked(look, capsys))
        write(path, facts)
