"""`bin/train`, `python -m skill …` and `python -m skill "/train …"`: one path."""

import json
import os
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from drivetrain.settings import PROJECT

TRAIN = PROJECT / "bin" / "train"
AWAY = Path("../../../../data/train-market/venv")
STATUS_WORDS = ("## Active Training Runs", "### System", "- GPU: ", "- VRAM: ", "- RAM: ")


def run(
    *words: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    inherited = {name: text for name, text in os.environ.items() if name != "DRIVETRAIN_HOME"}
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=inherited | {"DRIVETRAIN_PYTHON": sys.executable} | (env or {}),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "door",
    [
        (TRAIN, "status", "--json"),
        (TRAIN, "/train status --json"),
        (sys.executable, "-m", "skill", "status", "--json"),
        (sys.executable, "-m", "skill", "/train status --json"),
    ],
)
def test_every_door_answers_alike(door: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*door, cwd=tmp_path, env={"PYTHONPATH": str(PROJECT)})
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert facts["home"] == str(tmp_path / "experiments")
    assert facts["active"] == []
    assert facts["system"]["ram_total"] > 0


def test_a_look_writes_nothing(tmp_path: Path) -> None:
    done = run(TRAIN, "status", cwd=tmp_path)
    assert all(words in done.stdout for words in STATUS_WORDS)
    assert not list(tmp_path.iterdir())


def test_the_door_works_through_links_and_from_folders_that_shadow_its_packages(
    tmp_path: Path,
) -> None:
    (tmp_path / "one two").mkdir()
    (tmp_path / "one two" / "link").symlink_to(TRAIN)
    (tmp_path / "train").symlink_to(Path("one two") / "link")
    for name in ("skill", "drivetrain"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('shadowed')\n")
    done = run(tmp_path / "train", "status", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_door_needs_no_installed_packages_of_ours(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for name in ("skill", "drivetrain", "trainers", "bin"):
        shutil.copytree(PROJECT / name, checkout / name)
    done = run(checkout / "bin" / "train", "help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_without_an_environment_the_door_says_how_to_install(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "bin", tmp_path / "bin")
    # A host that starts the server must hear at once that there is none.
    for python, word in product(("", "/nowhere/python"), ("status", "mcp")):
        done = run(
            *(tmp_path / "bin" / "train", word),
            cwd=tmp_path,
            env={"DRIVETRAIN_PYTHON": python},
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert f'make -C "{tmp_path}" install' in done.stderr


def test_a_plugin_s_own_environment_is_used(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "bin", tmp_path / "bin")
    python = tmp_path / "data" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    done = run(
        *(tmp_path / "bin" / "train", "status", "a b; touch X"),
        cwd=tmp_path,
        env={"DRIVETRAIN_PYTHON": "", "CLAUDE_PLUGIN_DATA": str(tmp_path / "data")},
    )
    assert done.stdout == "-P -m skill status a b; touch X\n"


def copied_plugin(plugins: Path, version: str) -> Path:
    """The door of a plugin as Claude Code copies it."""
    copy = plugins / "cache" / "market" / "train" / version
    shutil.copytree(PROJECT / "bin", copy / "bin")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(PROJECT / name, copy)
    return copy


def test_an_environment_outlives_the_versions_of_an_installed_plugin(tmp_path: Path) -> None:
    plugins = tmp_path / "a home" / "plugins"
    first = copied_plugin(plugins, "1.0")
    none = run(first / "bin" / "train", cwd=tmp_path, env={"DRIVETRAIN_PYTHON": ""})
    told = none.stderr.partition("Install it with: ")[2]
    dry = run("sh", "-c", f"{told.strip()} --dry-run", cwd=tmp_path)
    assert f" -m venv {AWAY}\n" in dry.stdout, dry.stderr
    python = first / AWAY / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$0" "$@"\n')
    python.chmod(0o755)
    shutil.copy(PROJECT / "constraints.txt", first / AWAY / ".installed")
    second = copied_plugin(plugins, "2.0")
    kept = plugins / "data" / "train-market" / "venv" / "bin" / "python"
    for copy in (first, second):
        done = run(copy / "bin" / "train", "help", cwd=tmp_path, env={"DRIVETRAIN_PYTHON": ""})
        assert (done.stdout, done.stderr) == (f"{kept} -P -m skill help\n", "")
    (second / "constraints.txt").write_text("torch==99\n")
    late = run(second / "bin" / "train", "help", cwd=tmp_path, env={"DRIVETRAIN_PYTHON": ""})
    assert late.stdout == f"{kept} -P -m skill help\n"
    assert late.stderr == (
        "note: Drivetrain was updated, and what it needs was not. "
        f'Do so with: make -C "{second}" install VENV={AWAY}\n'
    )


HEAVY = ("torch", "numpy", "pydantic", "yaml", "stable_baselines3", "numba", "pynvml")


@pytest.mark.parametrize(
    "code",
    [
        "import skill.command",
        "import skill.status_page",
        "from skill.__main__ import main; main(['status'])",
        "from skill.__main__ import main; main(['logs', 'nowhere'])",
        "from skill.__main__ import main; main(['watch', '--test'])",
        "from skill.__main__ import main; main(['watch', 'nowhere'])",
    ],
)
def test_serving_runs_loads_nothing_heavy(code: str, tmp_path: Path) -> None:
    loaded = f"import sys; print(*(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    # A GPU may be there, and then its library is asked.
    done = run(sys.executable, "-c", f"{code}; {loaded}", cwd=tmp_path)
    assert set(done.stderr.splitlines()[-1].split()) <= {"pynvml"}


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    done = run(
        *("sh", "-c", f"'{sys.executable}' -m skill help ppo | head -n 1; echo done"),
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT)},
    )
    assert done.stdout == "## /train ppo\ndone\n"
    assert done.stderr == ""


def test_odd_names_do_not_end_an_answer_in_a_bare_locale(tmp_path: Path) -> None:
    done = run(
        *(TRAIN, "status", "\u20ac"),
        cwd=tmp_path,
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    assert done.returncode == 2
    assert "cannot name a run" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(
        *(TRAIN, "ppo", "--run-id", "a"),
        cwd=tmp_path,
        env={"DRIVETRAIN_HOME": str(tmp_path / "file")},
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "DRIVETRAIN_HOME" in done.stderr


@pytest.mark.parametrize("words", ["status", "ppo --run-id a", "doctor"])
def test_a_home_that_no_record_could_name_is_refused(words: str, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    done = run(TRAIN, *words.split(), cwd=tmp_path, env={"DRIVETRAIN_HOME": name})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: The name of the folder for runs is not UTF-8;")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_deleted_under_the_caller_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = f"cd gone; rmdir ../gone; exec '{TRAIN}' status"
    done = run("sh", "-c", script, cwd=tmp_path)
    assert done.returncode == 2
    assert "error: The current folder was deleted;" in done.stderr
    assert "Traceback" not in done.stderr
