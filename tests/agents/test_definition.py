"""What an agent is told and may call is written once, and agrees with what the door allows."""

import pytest

from agents.definition import PREFIXES, definition_of
from drivetrain.errors import RequestError
from drivetrain.settings import PROJECT
from skill.tools.catalog import tools
from skill.tools.roles import ROLES

WAYS_ROUND = {"Bash", "Write", "Edit", "Skill", "Agent", "Task", "*"}
ACTING = {tool.name for tool in tools() if tool.effect in ("acts", "ends")}


@pytest.mark.parametrize("role", ROLES)
def test_an_agent_holds_exactly_its_roles_tools_under_both_prefixes(role: str) -> None:
    expected = [prefix + tool for tool in ROLES[role] for prefix in PREFIXES]
    assert sorted(definition_of(role).tools) == sorted(expected)


@pytest.mark.parametrize("role", ROLES)
def test_an_agent_holds_no_tool_that_leads_round_its_role(role: str) -> None:
    assert not WAYS_ROUND & {name.split("(")[0] for name in definition_of(role).tools}


def test_the_manager_holds_nothing_that_acts_on_runs() -> None:
    assert not ACTING & set(ROLES["ad-experiment-manager"])
    assert {"train_stop", "train_resume", "train_ppo"} <= ACTING


@pytest.mark.parametrize("role", ROLES)
def test_an_agents_prompt_names_only_tools_that_it_holds(role: str) -> None:
    prompt = definition_of(role).prompt
    assert definition_of(role).role == role
    named = {tool.name for tool in tools() if f"`{tool.name}`" in prompt}
    assert named
    assert named <= set(ROLES[role])


def test_every_markdown_file_beside_the_agents_is_one() -> None:
    assert {path.stem for path in (PROJECT / "agents").glob("*.md")} == set(ROLES)


def test_an_unknown_agent_names_the_nearest() -> None:
    with pytest.raises(RequestError, match=r"`python -m agents model-trainer "):
        definition_of("model_traner")
