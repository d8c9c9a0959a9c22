"""The eval cases are sound: expected calls are valid, and graders tell right from wrong."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pytest
import yaml

from drivetrain.settings import PROJECT
from evals.run import LISTED, TOOLS, Score, Tried, is_fired, listed_tools, score
from skill.command import parse
from skill.tools.catalog import tool_named, tools

HERE = PROJECT / "evals"
CASES = {
    path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted(HERE.glob("cases/*/case.yaml"))
}
EVALS = json.loads((HERE / "evals.json").read_text(encoding="utf-8"))
BY_ID = {one["id"]: one for one in EVALS["evals"]}
TRIGGERS = json.loads((HERE / "triggers.json").read_text(encoding="utf-8"))
NEAR_MISSES = [row["query"] for row in TRIGGERS if not row["should_trigger"]]
TOOL_NAMES = {tool.name for tool in tools()}


class Call(NamedTuple):
    tool: str
    arguments: Mapping[str, Any]


def expected(name: str) -> list[Call]:
    return [Call(one["tool"], one["arguments"]) for one in BY_ID[name]["expected_calls"]]


def passes(grader: Mapping[str, Any], calls: Iterable[Call]) -> bool:
    """What `tool_used` means: so many calls of a tool whose arguments match."""
    texts = [
        json.dumps(c.arguments) for c in calls if grader["tool"] in (c.tool, TOOLS + c.tool)
    ]
    count = sum(bool(re.search(grader.get("input_match", ""), text)) for text in texts)
    return int(grader.get("min", 1)) <= count <= float(grader.get("max", "inf"))


def failed(name: str, calls: Iterable[Call]) -> list[str]:
    listed = list(calls)
    return [one["name"] for one in CASES[name]["graders"] if not passes(one, listed)]


def test_both_formats_hold_the_same_cases() -> None:
    assert EVALS["skill_name"] == "train"
    assert set(CASES) == set(BY_ID)
    assert len(BY_ID) == len(EVALS["evals"])
    for name, case in CASES.items():
        assert case["name"] == name
        assert case["execution"]["prompt"] == BY_ID[name]["prompt"]
        assert BY_ID[name]["assertions"]
        assert BY_ID[name]["expected_output"] == case["description"]


def test_every_tool_has_a_case_and_an_answer() -> None:
    assert {call.tool for name in CASES for call in expected(name)} == TOOL_NAMES
    assert {path.stem for path in LISTED.parent.glob("*.md")} == TOOL_NAMES


def test_no_prompt_is_asked_twice() -> None:
    prompts = [one["prompt"] for one in EVALS["evals"]] + [row["query"] for row in TRIGGERS]
    assert len(set(prompts)) == len(prompts)


@pytest.mark.parametrize("name", CASES)
def test_every_expected_call_keeps_the_contract(name: str) -> None:
    for call in expected(name):
        tool_named(call.tool).contract.model_validate(call.arguments)
        for command in call.arguments.get("commands", ()):
            parse(command)


@pytest.mark.parametrize("name", CASES)
def test_the_expected_calls_pass(name: str) -> None:
    assert failed(name, expected(name)) == []
    assert failed(name, [Call("Skill", {"skill": "train"}), *expected(name)]) == (
        [] if expected(name) else ["leaves-the-skill-alone"]
    )


@pytest.mark.parametrize("name", [name for name in CASES if expected(name)])
def test_other_calls_do_not_pass(name: str) -> None:
    (right,) = expected(name)
    assert failed(name, [])
    assert failed(name, [Call(right.tool, {"run_id": "else"})])
    forbidden = [one["tool"] for one in CASES[name]["graders"] if one.get("max") == 0]
    assert forbidden
    for tool in forbidden:
        assert failed(name, [right, Call(tool, {})])


def test_every_grader_names_a_tool_that_is_there() -> None:
    known = {f"{TOOLS}{name}" for name in TOOL_NAMES} | {"Skill"}
    graders = [one for case in CASES.values() for one in case["graders"]]
    assert {one["tool"] for one in graders} <= known
    # Without it the arm that has no skill would not be scored by what must never happen.
    assert all(one["arm"] == "both" for one in graders if one.get("max") == 0)


def test_half_of_the_queries_are_near_misses_in_both_splits() -> None:
    assert (len(TRIGGERS), len(NEAR_MISSES)) == (20, 10)
    for split, count in (("train", 12), ("validate", 8)):
        part = [row for row in TRIGGERS if row["split"] == split]
        assert len(part) == count
        assert sum(row["should_trigger"] for row in part) * 2 == count
    for wanted in (True, False):
        korean = [
            r for r in TRIGGERS if r["should_trigger"] is wanted and not r["query"].isascii()
        ]
        assert len(korean) >= 2


@pytest.mark.parametrize("query", NEAR_MISSES)
def test_a_near_miss_asks_for_nothing_of_the_skill(query: str) -> None:
    assert "/train" not in query
    of_the_skill = (
        r"\b(ppo|sac|bc|gail|hybrid|planner|scenario|checkpoint|run)s?\b|학습|자율주행"
    )
    assert not re.search(of_the_skill, query.lower())


def test_stand_ins_are_offered_as_the_server_offers_the_tools() -> None:
    # `python -m evals.run --write-tools` writes the file anew.
    assert json.loads(LISTED.read_text(encoding="utf-8")) == listed_tools()


def streamed(name: str, **arguments: str) -> str:
    use = {"type": "tool_use", "name": name, "input": arguments}
    return json.dumps({"type": "assistant", "message": {"content": [use]}})


@pytest.mark.parametrize(
    ("line", "fired"),
    [
        (streamed("Skill", skill="train:train"), True),
        (streamed("Skill", skill="train"), True),
        (streamed("Skill", skill="timetable"), False),
        (streamed(f"{TOOLS}train_status"), True),
        (streamed("Read", file_path="train_status"), False),
        ('{"type": "assistant", "message": {"content": "train_status"}}', False),
        ("Warning: no such thing", False),
        ("[]", False),
    ],
)
def test_what_the_client_streams_tells_whether_the_skill_fired(
    line: str, *, fired: bool
) -> None:
    assert is_fired(["{}", line]) is fired


def test_recall_and_precision_count_each_try() -> None:
    tried = [
        Tried("a", should=True, fired=(True, True, False)),
        Tried("b", should=True, fired=(True, True, True)),
        Tried("c", should=False, fired=(False, False, True)),
    ]
    assert score(tried) == Score(recall=5 / 6, precision=5 / 6)
    assert score([Tried("a", should=True, fired=(False,))]) == Score(recall=0.0, precision=1.0)
