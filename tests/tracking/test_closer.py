"""The closer, as it runs: a process of its own, from anywhere, any number at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.record import Verdict
from drivetrain.settings import PROJECT
from drivetrain.tracking.store import store_file
from tests.tracking.written_runs import curve, end, shown, tell, written_run
from trainers.launch import CLOSER

PATIENCE_S = 120.0


def closer(folder: RunFolder) -> "subprocess.Popen[str]":
    """The closer of a run, as its finisher runs it."""
    return subprocess.Popen(
        [*CLOSER, str(folder.path)],
        cwd="/",
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_eight_first_runs_of_a_home_are_all_shown(tmp_path: Path) -> None:
    folders = [written_run(tmp_path, f"r{number}") for number in range(8)]
    for folder in folders:
        tell(folder, 10, reward=1.5)
        end(folder, Verdict("succeeded", "completed", step=10))
    closers = [closer(folder) for folder in folders]
    said = [process.communicate(timeout=PATIENCE_S) for process in closers]
    assert said == [("", "")] * 8
    assert [shown(folder).info.status for folder in folders] == ["FINISHED"] * 8
    assert [curve(folder, "reward") for folder in folders] == [[(10, 1.5)]] * 8
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "mlflow.db", "mlflow.lock"}


def test_two_closers_of_one_run_make_one_mlflow_run(tmp_path: Path) -> None:
    folder = written_run(tmp_path)
    tell(folder, 10, reward=1.5)
    end(folder, Verdict("failed", "nan", step=10))
    for process in (closer(folder), closer(folder)):
        assert process.communicate(timeout=PATIENCE_S) == ("", "")
    assert shown(folder).info.status == "FAILED"
    assert curve(folder, "reward") == [(10, 1.5)]


def test_a_store_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    folder = written_run(tmp_path)
    end(folder, Verdict("failed", "nan"))
    store_file(tmp_path).write_text("no database at all, but longer than a header" * 40)
    code = (
        "import sys; from pathlib import Path; import drivetrain.tracking.__main__ as door; "
        "door.PAUSES_S = (); sys.exit(door.close(Path(sys.argv[1])))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(folder.path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert said.returncode == 1
    assert said.stderr == ("MLflow was not told how `r1` ended: file is not a database\n")


def test_mlflow_is_kept_from_the_network(tmp_path: Path) -> None:
    folder = written_run(tmp_path)
    end(folder, Verdict("succeeded", "completed"))
    code = (
        "import json, socket, sys; from pathlib import Path\n"
        "def refuse(*_): raise AssertionError('the network was used')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from drivetrain.tracking.__main__ import close\n"
        "code = close(Path(sys.argv[1]))\n"
        "from mlflow.telemetry.utils import is_telemetry_disabled\n"
        "print(json.dumps([code, is_telemetry_disabled()]))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(folder.path)],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if "PYTEST" not in name},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert json.loads(said.stdout) == [0, True], said.stderr
