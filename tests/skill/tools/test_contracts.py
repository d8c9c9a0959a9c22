"""What hosts are told of the tools, and that it is the same as what a chat may type."""

import json
import re
import shlex
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from drivetrain.numbers import whole_count
from skill.command import find_verb, parse
from skill.tools.calls import call_of, call_text, with_calls
from skill.tools.catalog import Tool, tool_named, tools
from skill.tools.contract import words_of
from skill.tools.refusals import EXAMPLES, example_of
from skill.tools.roles import ROLES
from trainers.fields import fields_of
from trainers.requests import REQUESTS

EVERY = pytest.mark.parametrize("tool", tools(), ids=lambda tool: tool.name)
IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
PLAIN = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20
)
ROUND: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "train_status": st.fixed_dictionaries({}, optional={"run": IDS}),
    "train_logs": st.fixed_dictionaries(
        {"run": IDS},
        optional={"tail": st.integers(1, 40), "skip": st.integers(0, 99), "grep": PLAIN},
    ),
    "train_wait": st.fixed_dictionaries({"run": IDS}, optional={"timeout_s": st.floats(0, 50)}),
    "train_compare": st.fixed_dictionaries(
        {"runs": st.lists(IDS, min_size=2, max_size=5, unique=True)},
        optional={"baselines": st.just(["idm"]), "data": PLAIN, "traffic": st.just("idm")},
    ),
    "train_eval": st.fixed_dictionaries(
        {"driver": IDS},
        optional={
            "data": PLAIN,
            "scenarios": st.integers(1, 99),
            "checkpoint": st.just("last"),
        },
    ),
    "train_resume": st.fixed_dictionaries(
        {"run": IDS}, optional={"steps": st.integers(1, 9**9)}
    ),
    "train_stop": st.fixed_dictionaries(
        {"run": IDS}, optional={"grace_s": st.floats(0, 99), "force": st.booleans()}
    ),
    "train_ppo": st.fixed_dictionaries(
        {},
        optional={
            "run_id": IDS,
            "steps": st.integers(1, 9**9),
            "seed": st.integers(0, 99),
            "config": PLAIN,
            "set": st.lists(PLAIN, max_size=3),
            "dry_run": st.booleans(),
            "priority": st.just("high"),
        },
    ),
}


@EVERY
def test_every_schema_is_one_flat_object_whose_fields_are_described(tool: Tool) -> None:
    schema = tool.schema
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert not {"anyOf", "oneOf", "allOf", "$defs"} & set(schema)
    for field in schema["properties"].values():
        assert field["description"]
        assert "title" not in field
        assert "type" in field or "anyOf" in field
        assert "$ref" not in json.dumps(field)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool.name)


@EVERY
def test_every_description_says_when_and_what_next_and_is_short(tool: Tool) -> None:
    assert len(tool.description) <= 900
    assert "Use " in tool.description
    assert "Example: {" in tool.description


@EVERY
def test_every_example_in_a_description_is_a_call_that_the_tool_takes(tool: Tool) -> None:
    _, _, behind = tool.description.partition("Example: ")
    example, _ = json.JSONDecoder().raw_decode(behind)
    tool.contract.model_validate(example)


@EVERY
def test_every_option_means_what_the_help_says(tool: Tool) -> None:
    verb = find_verb(tool.verb.split()[0]) if tool.verb else None
    if verb is None:
        return
    meanings = {
        each.flag.removeprefix("--").replace("-", "_"): each.meaning for each in verb.options
    }
    meanings |= {"grace_s": meanings.get("grace", ""), "timeout_s": meanings.get("timeout", "")}
    meanings |= {"baselines": meanings.get("baseline", "")}
    for name, field in tool.schema["properties"].items():
        if name in meanings:
            assert field["description"] == meanings[name]


@pytest.mark.parametrize("algorithm", REQUESTS)
def test_a_start_takes_every_option_that_a_chat_may_type_and_has_a_choice(
    algorithm: str,
) -> None:
    facts = [each for each in fields_of(REQUESTS[algorithm]).values() if each.flag]
    named = {
        (each.flag or "")[2:].replace("-", "_") for each in facts if "const" not in each.limits
    }
    fields = set(tool_named(f"train_{algorithm}").schema["properties"])
    assert fields == named | {"config", "set", "dry_run"}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_call_and_its_chat_text_are_the_same_command(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(ROUND)))
    arguments: dict[str, Any] = data.draw(ROUND[name])
    tool = tool_named(name)
    asked = tool.contract.model_validate(arguments)
    words = words_of(tool.verb, asked)
    parse(words)
    found = call_of(shlex.join(words))
    assert found is not None
    assert found[0] is tool
    assert tool.contract.model_validate(found[1]) == asked


def test_steps_in_short_are_the_whole_number() -> None:
    asked = tool_named("train_ppo").contract.model_validate({"steps": "2.5M"})
    assert words_of("ppo", asked) == ["ppo", f"--steps={whole_count('2.5M')}"]


def test_what_no_tool_does_stays_a_command() -> None:
    said = with_calls("Try `/train doctor --fix`, `/train logs a --follow` or `/train stop a`.")
    assert (
        said == "Try `/train doctor --fix`, `/train logs a --follow` or `train_stop(run='a')`."
    )


def test_roles_name_tools_that_there_are_and_only_the_trainer_acts() -> None:
    for names in ROLES.values():
        assert set(names) <= {tool.name for tool in tools()}
    acting = {tool.name for tool in tools() if tool.effect in ("acts", "ends")}
    assert not acting & set(ROLES["ad-experiment-manager"])
    assert acting <= set(ROLES["model-trainer"])


@EVERY
def test_every_example_of_a_refusal_is_a_call_that_the_tool_takes(tool: Tool) -> None:
    tool.contract.model_validate(EXAMPLES.get(tool.name, {}))
    assert example_of(tool) == call_text(tool.name, EXAMPLES.get(tool.name, {}))


@EVERY
def test_no_tool_takes_an_argument_that_it_does_not_name(tool: Tool) -> None:
    with pytest.raises(ValidationError):
        tool.contract.model_validate({**EXAMPLES.get(tool.name, {}), "unheard_of": 1})
