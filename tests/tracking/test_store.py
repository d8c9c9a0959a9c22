"""The store of a home survives what happens while it is made or written to."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from drivetrain.settings import PROJECT
from drivetrain.tracking.store import EXPERIMENT, open_store, store_file
from tests.tracking.written_runs import curve, tell, written_run

FULL_DISK = """
import json, resource, sys
from pathlib import Path
from drivetrain.runs.folder import RunFolder
from drivetrain.tracking.mirror import Mirror
from drivetrain.tracking.store import first_line, open_store, store_file
folder = RunFolder.at(Path(sys.argv[1]))
open_store(folder.home)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (store_file(folder.home).stat().st_size, hard))
try:
    Mirror(folder).catch_up()
except Exception as error:
    full = first_line(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
Mirror(folder).catch_up()
print(json.dumps(full))
"""


def test_what_a_kill_left_of_an_unfinished_store_is_in_nobodys_way(
    tmp_path: Path, empty_store: Path
) -> None:
    whole = empty_store.read_bytes()
    (tmp_path / ".mlflow.db.new").write_bytes(whole[: len(whole) // 2])
    (tmp_path / ".mlflow.db.new-journal").write_bytes(b"torn")
    store = open_store(tmp_path)
    assert store.client.get_experiment(store.experiment_id).name == EXPERIMENT
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", "mlflow.lock"}


def test_files_of_mlflow_runs_stay_in_the_home(home: Path) -> None:
    store_file(home).unlink()
    store = open_store(home)
    place = store.client.get_experiment(store.experiment_id).artifact_location
    assert place == str(home / "mlflow-artifacts")


def test_a_store_on_a_full_disk_misses_nothing_once_there_is_room(home: Path) -> None:
    folder = written_run(home)
    for step in range(600):
        numbers: dict[str, Any] = {f"number_{part}": step / 8 for part in range(20)}
        tell(folder, step, **numbers)
    said = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(folder.path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "sqlite3.OperationalError" in json.loads(said.stdout), said.stderr
    assert curve(folder, "number_7") == [(step, step / 8) for step in range(600)]
