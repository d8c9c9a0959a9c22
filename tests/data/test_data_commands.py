"""`python -m drivetrain.data …`: what a person types and reads."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drivetrain.data.__main__ import main
from drivetrain.data.converters import commonroad
from drivetrain.data.converters.contract import Options
from drivetrain.data.scenario_sets import load
from tests.data.builders import Car, commonroad_2018b, commonroad_2020a, file_with
from tests.written_sets import written_set

ALONE = "--workers=1"
"""Without processes of its own: what they do is tested with the conversion."""

CARS = (Car(7, 30.0, 0.0, 8.0, 41), Car(8, 12.0, 0.0, 6.0, 41))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    file_with(folder, commonroad_2018b(CARS), "old.xml")
    file_with(folder, commonroad_2020a(CARS), "new.xml")
    file_with(folder, "<html/>", "page.xml")
    return folder


def test_convert_writes_a_set_and_says_what_is_in_it(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sets" / "ngsim"
    assert main(["convert", "commonroad", str(source), ALONE, "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "| lane_keep | 4 | 0 | 0 | 4 |" in said.out
    assert "- Scenarios: 4 from 1 groups" in said.out
    assert "- Duration: 4.0 s at 10 Hz, 16 s in all" in said.out
    assert "- Licences: BSD-3-Clause 4" in said.out
    assert "- Left out: file_not_commonroad 1" in said.out
    assert "- Files of no use: `page.xml` (not_commonroad)" in said.out
    assert f"`/train data join {out} SET --out DIR`" in said.out
    assert "3/3 " in said.err
    assert len(load(out)) == 4


def test_info_is_the_same_for_machines(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    main(["convert", "commonroad", str(source), ALONE, "--out", str(out)])
    converted = capsys.readouterr().out
    assert main(["info", str(out)]) == 0
    assert capsys.readouterr().out == converted
    assert main(["info", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["scenarios"] == 4
    assert facts["seconds"] == {"shortest": 4.0, "longest": 4.0, "total": 16.0}
    assert facts["unfit_files"] == {"page.xml": "not_commonroad"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["info", "nowhere"], 3, "There is no scenario set at `nowhere`"),
        (["convert", "commonroad", "nowhere", "--out", "set"], 3, "no CommonRoad file"),
        (["convert", "waymo", "x", "--out", "set"], 2, "invalid choice: 'waymo'"),
        (["convert", "commonroad", "x"], 2, "--out"),
        (["generate", "--out", "set", "--count", "0"], 2, "1 to 1,000,000"),
        (["generate", "--out", "set", "--seed", "-1"], 2, "is no seed"),
        (["fly"], 2, "invalid choice: 'fly'"),
        ([], 2, "COMMAND"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    arguments: list[str],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert sentence in said
    assert list(tmp_path.iterdir()) == []


def test_a_taken_folder_is_a_conflict(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["convert", "commonroad", str(source), ALONE, "--out", str(tmp_path / "set")]
    assert main(command) == 0
    assert main(command) == 4
    assert "never overwritten" in capsys.readouterr().err


def test_a_folder_below_a_file_cannot_be_written(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    below = source / "old.xml" / "set"
    assert main(["convert", "commonroad", str(source), ALONE, "--out", str(below)]) == 2
    assert "cannot be read or written" in capsys.readouterr().err


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "drivetrain.data", "info", str(tmp_path / "none")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_command_leaves_nothing_behind(
    tmp_path: Path, ending: signal.Signals
) -> None:
    words = ["generate", "--out", str(tmp_path / "set"), "--count", "1000000"]
    with subprocess.Popen(
        [sys.executable, "-m", "drivetrain.data", *words], stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stderr is not None
        # Its first word of progress: the draft is there, and the work is under way.
        assert "64/1000000" in "".join(child.stderr.readline() for _ in range(2))
        assert list(tmp_path.iterdir())
        child.send_signal(ending)
        said = child.stderr.read()
    assert child.returncode == 130
    assert "Traceback" not in said
    assert "nothing was written" in said
    assert list(tmp_path.iterdir()) == []


def test_info_draws_a_sheet_of_scenes(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, sheet = tmp_path / "set", tmp_path / "scenes.png"
    main(["convert", "commonroad", str(source), ALONE, "--out", str(out)])
    assert main(["info", str(out), "--sheet", str(sheet)]) == 0
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert f"- Scenes: `{sheet}`" in capsys.readouterr().out
    assert main(["info", str(out), "--sheet", str(sheet)]) == 4
    assert "exists already" in capsys.readouterr().err


def test_sets_are_joined(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("old", "new"):
        file = str(source / f"{name}.xml")
        main(["convert", "commonroad", file, ALONE, "--out", str(tmp_path / name)])
    sets = [str(tmp_path / name) for name in ("old", "new")]
    assert main(["join", *sets, "--out", str(tmp_path / "both")]) == 0
    assert "- Scenarios: 4 from 1 groups" in capsys.readouterr().out
    assert main(["join", sets[0], sets[0], "--out", str(tmp_path / "twice")]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["convert", "nuplan", "--out", "set"], 2, "needs something to read: nuPlan"),
        (["convert", "nuplan", "x", "--maps", "no", "--out", "s"], 3, "no folder of maps"),
        (["convert", "nuplan", "x", "--out", "set"], 2, "lie apart from its recordings"),
        (
            ["convert", "nuplan", "x", "--maps", ".", "--out", "set"],
            3,
            "There is no map in `.`",
        ),
        (["convert", "commonroad", "x", "--workers", "0", "--out", "s"], 2, "0 workers"),
        (["join", "a", "--out", "set"], 2, "two sets or more"),
    ],
)
def test_what_conversions_and_joins_lack_is_said(
    arguments: list[str],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    assert sentence in capsys.readouterr().err


def test_a_set_with_scenarios_to_validate_with_can_be_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written_set(tmp_path / "hand", count=3)
    assert main(["info", str(folder)]) == 0
    assert f"Next: `/train ppo --data {folder} --run-id hand_v1`" in capsys.readouterr().out


def test_a_failing_converter_gives_its_own_exit_code(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = commonroad.scenarios_of

    def fails(file: Path, options: Options) -> object:
        if file.name == "page.xml":
            raise ValueError("no page")
        return plain(file, options)

    monkeypatch.setattr(commonroad, "scenarios_of", fails)
    words = ["convert", "commonroad", str(source), "--workers=1"]
    assert main([*words, "--out", str(tmp_path / "set")]) == 5
    said = capsys.readouterr()
    assert "- Left out: file_error 1" in said.out
    assert "failed on 1 of 3 files" in said.err
    assert "page.xml: ValueError: no page" in said.err
