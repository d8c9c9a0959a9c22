"""SKILL.md: what agent chats load."""

import re

import yaml

from drivetrain.settings import PROJECT
from skill.command import parse
from skill.help import EXIT_CODES, verb_table
from skill.verbs import starting

TEXT = (PROJECT / "SKILL.md").read_text(encoding="utf-8")
_, HEAD, BODY = TEXT.split("---\n", 2)
STANDARD_KEYS = {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}


def test_the_head_holds_standard_keys_within_their_limits() -> None:
    head = yaml.safe_load(HEAD)
    assert set(head) <= STANDARD_KEYS
    assert head["name"] == "train"
    assert 1 <= len(head["description"]) <= 1024
    assert len(head["compatibility"]) <= 500
    assert not set("<>") & set(head["description"])
    assert "/train" in head["description"]
    assert "학습" in head["description"]
    named = set(re.findall(r"\w+", head["description"].lower()))
    assert {verb.name for verb in starting()} <= named
    assert all(isinstance(value, str) for value in head["metadata"].values())


def test_the_verb_table_is_the_one_of_the_help() -> None:
    table = re.search(r"<!-- verbs[^>]*-->\n(.*?)\n<!-- /verbs -->", BODY, re.DOTALL)
    assert table is not None
    assert table[1] == verb_table()


def test_every_command_in_the_body_can_be_typed() -> None:
    commands = re.findall(r"^bin/train ([^#\n]+)", BODY, re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        parse(command)


def test_the_only_injected_command_is_a_fixed_look() -> None:
    # What a chat says would be run by a shell if it stood in one.
    look = '"${CLAUDE_SKILL_DIR}"/bin/train status'
    assert re.findall(r"!`([^`]*)`", TEXT) == [f"{look} || true"]
    assert yaml.safe_load(HEAD)["allowed-tools"] == f"Bash({look}*)"
    assert "$ARGUMENTS" not in TEXT


def test_the_body_fits_on_few_screens() -> None:
    assert BODY.count("\n") < 100
    assert len(BODY.encode()) < 8_000


def test_the_exit_codes_are_those_of_the_help() -> None:
    (sentence,) = re.findall(r"Exit codes: ([^.]*)\.", BODY)
    assert [int(code) for code in re.findall(r"\b\d+\b", sentence)] == list(EXIT_CODES)
