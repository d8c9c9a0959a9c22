"""`hooks/note-caller`: who uses a tool, as Claude Code tells its hooks."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivetrain.clock import SYSTEM
from drivetrain.settings import PROJECT, state_folder
from skill.callers import KEPT_S, noted_role
from skill.tools.roles import ROLES

HOOK = PROJECT / "hooks" / "note-caller"
OURS = [f"{plugin}{role}" for plugin in ("", "train:") for role in ROLES]
NOT_OURS = [
    *(None, "", "general-purpose", "other:model-trainer", "train:train:model-trainer"),
    *("model-trainer ", "Model-Trainer", "../model-trainer", 7, ["model-trainer"]),
]
USES = ["toolu_1", "../../x", "TMP/x", "a/b", "\0", ".", " ", "\ud800", "x" * 1_000_000]

pytestmark = pytest.mark.usefixtures("own_slots")


def use_of(agent: object = "train:model-trainer", use: object = "toolu_1") -> dict[str, Any]:
    facts = {"hook_event_name": "PreToolUse", "tool_input": {"run": "r1"}, "tool_use_id": use}
    return facts if agent is None else facts | {"agent_id": "a1", "agent_type": agent}


def hooked(
    told: object, hook: Path = HOOK, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    # As Claude Code writes it: nothing between a name and its value.
    text = told if isinstance(told, bytes) else json.dumps(told, separators=(",", ":")).encode()
    environment = os.environ | {"DRIVETRAIN_PYTHON": sys.executable, "PYTHONPATH": ""}
    environment |= variables
    return subprocess.run([hook], input=text, env=environment, capture_output=True, check=False)


def notes() -> list[Path]:
    folder = state_folder() / "callers"
    return sorted(folder.iterdir()) if folder.is_dir() else []


@pytest.mark.parametrize("agent", OURS)
def test_an_agent_of_ours_is_noted_for_this_use_alone(agent: str) -> None:
    done = hooked(use_of(agent))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert noted_role("toolu_1") == agent.removeprefix("train:")
    assert noted_role("toolu_2") is None


@pytest.mark.parametrize("agent", NOT_OURS)
def test_of_a_chat_and_of_agents_of_others_nothing_is_written(agent: object) -> None:
    done = hooked(use_of(agent))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not state_folder().exists()


@pytest.mark.parametrize("use", USES, ids=range(len(USES)))
def test_whatever_an_id_holds_its_note_is_a_file_in_its_folder(
    use: str, tmp_path: Path
) -> None:
    use = use.replace("TMP", str(tmp_path))
    assert hooked(use_of(use=use)).returncode == 0
    assert noted_role(use) == "model-trainer"
    (note,) = notes()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [note]


def test_notes_are_for_their_user_alone() -> None:
    hooked(use_of())
    assert (state_folder() / "callers").stat().st_mode & 0o777 == 0o700


def test_a_relative_state_folder_is_passed_over_so_that_the_server_finds_the_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert hooked(use_of()).returncode == 0
    monkeypatch.chdir(tmp_path)
    assert noted_role("toolu_1") == "model-trainer"
    assert state_folder() == tmp_path / ".local" / "state" / "drivetrain"


def test_an_id_that_comes_again_means_whoever_used_it_last() -> None:
    hooked(use_of("train:model-trainer"))
    hooked(use_of("train:ad-experiment-manager"))
    assert noted_role("toolu_1") == "ad-experiment-manager"
    hooked(use_of(None))
    assert (noted_role("toolu_1"), notes()) == (None, [])


def test_notes_of_yesterday_are_swept_and_those_of_today_stay() -> None:
    for use, age_s in (("old", KEPT_S + 60), ("young", KEPT_S - 3600)):
        before = set(notes())
        hooked(use_of(use=use))
        (note,) = set(notes()) - before
        os.utime(note, (SYSTEM.wall() - age_s,) * 2)
    hooked(use_of(use="new"))
    assert noted_role("old") is None
    assert [noted_role(use) for use in ("young", "new")] == ["model-trainer"] * 2


@pytest.mark.parametrize("use", [None, "", 7, {"a": "b"}])
def test_an_agent_whose_use_has_no_id_does_not_act(use: object) -> None:
    done = hooked(use_of(use=use))
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"this use of a tool has no id" in done.stderr
    assert hooked(use_of("Explore", use)).returncode == 0
    assert notes() == []


def in_the_way(state: Path) -> None:
    state.mkdir()
    (state / "drivetrain").write_text("a file")


def writable_for_all(state: Path) -> None:
    (state / "drivetrain" / "callers").mkdir(parents=True)
    (state / "drivetrain" / "callers").chmod(0o777)


def elsewhere(state: Path) -> None:
    (state / "drivetrain").mkdir(parents=True)
    (state / "theirs").mkdir()
    (state / "drivetrain" / "callers").symlink_to(state / "theirs")


@pytest.mark.parametrize("spoil", [in_the_way, writable_for_all, elsewhere])
def test_an_agent_that_cannot_be_noted_does_not_act_and_all_others_do(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    spoil(tmp_path / "state")
    for agent in OURS:
        done = hooked(use_of(agent))
        assert (done.returncode, done.stdout) == (2, b"")
        said = done.stderr.decode()
        assert said.startswith(
            f"error: Nothing was done, since `{agent.removeprefix('train:')}`"
        )
        assert "`XDG_STATE_HOME`" in said
        assert str(tmp_path / "state" / "drivetrain") in said
    for other in NOT_OURS:
        done = hooked(use_of(other))
        assert (done.returncode, done.stderr) == (0, b"")


CACHES = shutil.ignore_patterns("__pycache__")
HOSTILE = [
    *(b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"x" * 1_000_000),
    *(b'{"agent_type": {}, "tool_use_id": []}', b'{"tool_use_id": "\\ud800"}', b"{}"),
    json.dumps({"tool_input": {"text": "train:model-trainer" * 50_000}}).encode(),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_names_no_agent_of_ours_passes(text: bytes) -> None:
    done = hooked(text)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"Traceback" not in done.stderr
    assert notes() == []


@pytest.mark.parametrize("agent", OURS)
def test_an_agent_does_not_act_on_half_a_message(agent: str) -> None:
    whole = json.dumps(use_of(agent), separators=(",", ":")).encode()
    done = hooked(whole[:-1])
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: A hook's input is one JSON object")


def broken(checkout: Path) -> None:
    (checkout / "skill" / "caller_hook.py").write_text("half a lin")


def without_modules(checkout: Path) -> None:
    shutil.rmtree(checkout / "drivetrain")


def without_python(checkout: Path) -> None:
    pass


@pytest.mark.parametrize("spoil", [broken, without_modules, without_python])
def test_while_the_checkout_is_broken_agents_do_not_act_and_all_others_do(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    checkout = tmp_path / "a checkout"
    for name in ("skill", "drivetrain", "bin", "hooks", "agents"):
        shutil.copytree(PROJECT / name, checkout / name, ignore=CACHES)
    spoil(checkout)
    hook = checkout / "hooks" / "note-caller"
    python = "/nowhere/python" if spoil is without_python else sys.executable
    for agent in OURS:
        assert hooked(use_of(agent), hook, DRIVETRAIN_PYTHON=python).returncode == 2
    for other in (None, "", "general-purpose", "model-trainer ", 7):
        assert hooked(use_of(other), hook, DRIVETRAIN_PYTHON=python).returncode == 0
