"""`/train install`: the skill in a host's folder, and out of it again."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from drivetrain.settings import PROJECT
from skill.__main__ import main
from skill.command import parse
from skill.grammar import HOST_NAMES
from skill.hosts import hosts

PERSONAL = {
    "claude": ".claude/skills/train",
    "codex": ".agents/skills/train",
    "gemini": ".gemini/skills/train",
    "copilot": ".copilot/skills/train",
    "cursor": ".cursor/skills/train",
    "opencode": ".config/opencode/skills/train",
}
PROJECTS = PERSONAL | {
    "copilot": ".github/skills/train",
    "opencode": ".opencode/skills/train",
}
PLACES = [
    *((agent, "", Path("home") / place) for agent, place in PERSONAL.items()),
    *((agent, " --project", Path("project") / place) for agent, place in PROJECTS.items()),
]
Answer = tuple[int, str, str]


@pytest.fixture(autouse=True)
def _empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("home", "project"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "project")
    for variable in ("CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)


def ask(text: str, capsys: pytest.CaptureFixture[str]) -> Answer:
    code = main([f"/train install {text}"])
    said = capsys.readouterr()
    return code, said.out, said.err


def files(folder: Path) -> set[Path]:
    return {
        Path(base) / name
        for base, folders, names in os.walk(folder)
        for name in names + [each for each in folders if (Path(base) / each).is_symlink()]
    }


def test_every_host_that_can_be_named_is_known() -> None:
    assert tuple(hosts("train")) == HOST_NAMES


@pytest.mark.parametrize(("agent", "scope", "place"), PLACES)
def test_the_skill_is_put_where_the_host_looks_and_taken_away_again(
    agent: str, scope: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ask(f"--agent {agent}{scope}", capsys)
    assert (code, err) == (0, "")
    assert f"- Link: `{tmp_path / place}` → `{PROJECT}`" in out
    assert f"`/train install --agent {agent}{scope} --remove`" in out
    assert files(tmp_path) == {tmp_path / place}
    assert (tmp_path / place / "SKILL.md").samefile(PROJECT / "SKILL.md")

    assert "is already installed" in ask(f"--agent {agent}{scope}", capsys)[1]
    code, out, _ = ask(f"--agent {agent}{scope} --remove", capsys)
    assert (code, "is no longer installed" in out) == (0, True)
    assert files(tmp_path) == set()
    assert (PROJECT / "SKILL.md").exists()
    assert "was not installed" in ask(f"--agent {agent}{scope} --remove", capsys)[1]


@pytest.mark.parametrize(("agent", "scope", "place"), PLACES)
def test_json_tells_how_the_host_learns_of_the_tools(
    agent: str, scope: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = json.loads(ask(f"--agent {agent}{scope} --json", capsys)[1])
    assert facts["link"] == str(tmp_path / place)
    assert (facts["is_installed"], facts["changed"]) == (True, True)
    tools = facts["tools"]
    if (agent, scope) == ("claude", ""):
        assert tools == {}
        return
    named = json.dumps(tools.get("command") or tools["block"])
    assert str(PROJECT / "bin" / "train") in named
    assert '"mcp"' in named
    assert not json.loads(ask(f"--agent {agent}{scope} --json", capsys)[1])["changed"]


@pytest.mark.parametrize("verb", ["", " --remove"])
@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_is_not_ours_stays_as_it_is(
    what: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "home" / PERSONAL["claude"]
    link.parent.mkdir(parents=True)
    if what == "file":
        link.write_text("mine")
    elif what == "folder":
        link.mkdir()
        (link / "SKILL.md").write_text("mine")
    else:
        link.symlink_to("elsewhere")
    before = files(tmp_path)
    code, out, err = ask(f"--agent claude{verb}", capsys)
    assert (code, out) == (4, "")
    assert err.startswith(f"error: `{link}` ")
    assert "stays as it is. Try `" in err
    assert files(tmp_path) == before
    subprocess.run(err.split("`")[-2], shell=True, check=True)  # noqa: S602 - as told
    assert ask("--agent claude", capsys)[0] == 0


def test_folders_that_a_host_was_told_to_use_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "a b"))
    ask("--agent claude", capsys)
    assert files(tmp_path) == {tmp_path / "a b" / "skills" / "train"}


@pytest.mark.parametrize("text", ["", "--agent claud", "--agent ''", "--agent Cursor!"])
def test_a_host_that_nobody_knows_is_refused_with_those_that_are_known(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ask(text, capsys)
    assert (code, out) == (2, "")
    assert all(f"`{name}`" in err for name in HOST_NAMES)
    parse(err.split("`")[-2])
    assert files(tmp_path) == set()


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home" / ".claude").write_text("")
    code, out, err = ask("--agent claude", capsys)
    assert (code, out) == (2, "")
    assert "train` cannot be written: Not a directory." in err
    parse(err.split("`")[-2])
