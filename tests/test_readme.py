"""README and the pages beside it: every command can be typed, every file is there."""

import re
from pathlib import Path

import pytest

from drivetrain.settings import PROJECT
from skill.command import parse

PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *PROJECT.glob("docs/**/*.md")]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_can_be_typed(page: Path) -> None:
    for words in re.findall(r"^(?:\$ )?bin/train ([^#\n|]+)", text_of(page), re.MULTILINE):
        parse(words)
    for words in re.findall(r"`/train ([^`…]+)`", text_of(page)):
        parse(f"/train {words}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", text_of(page)):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_readme_opens_with_the_two_commands() -> None:
    blocks = re.findall(r"```bash\n(.*?)```", text_of(PROJECT / "README.md"), re.DOTALL)
    assert [line.split("#")[0].strip() for line in blocks[0].splitlines()] == [
        "make demo",
        "make test",
    ]


def test_every_module_named_in_the_architecture_exists() -> None:
    text = text_of(PROJECT / "docs" / "architecture.md")
    for name in re.findall(r"`((?:skill|trainers|drivetrain)/[\w/]+(?:\.py)?)`", text):
        assert (PROJECT / name).exists(), name
