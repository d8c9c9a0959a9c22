"""SKILL.md: what agent chats load."""

import re

import yaml

from drivetrain.settings import PROJECT
from skill.command import parse
from skill.help import EXIT_CODES, verb_table

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


def test_no_chat_text_reaches_an_injected_command() -> None:
    assert not re.findall(r"!`[^`]*\$ARGUMENTS", TEXT)


def test_the_exit_codes_are_those_of_the_help() -> None:
    (sentence,) = re.findall(r"Exit codes: ([^.]*)\.", BODY)
    assert [int(code) for code in re.findall(r"\b\d+\b", sentence)] == list(EXIT_CODES)
