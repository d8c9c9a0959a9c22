"""The MLflow store of a home: `mlflow.db`, one SQLite file for all of its runs.

`mlflow` takes more than a second to import, so it is imported when a store is opened.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from drivetrain.runs.locks import held

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "drivetrain"
PATIENCE_S = 2.0
DETAIL_CHARS = 120
QUIET = {
    # MLflow counts its users over the network otherwise (mlflow/telemetry/utils.py).
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # What goes wrong is told once, by whoever opened the store.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    # A kept connection would go on writing to a store that was deleted and made anew.
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
}
"""How MLflow behaves here; it reads this when it is imported."""


@dataclass(frozen=True, slots=True)
class Store:
    """An open store, and the experiment that holds the runs."""

    client: "MlflowClient"
    experiment_id: str


def silence_mlflow() -> None:
    """Keep MLflow from the network and from the log; before it is imported, or never."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def store_file(home: Path) -> Path:
    """The SQLite file of a home's runs."""
    return home / "mlflow.db"


def store_uri(home: Path) -> str:
    """What `mlflow ui --backend-store-uri` takes."""
    return f"sqlite:///{store_file(home).absolute()}"


def open_store(home: Path) -> Store:
    """The store of a home, made if it is missing; one process at a time opens it.

    Eight that create the schema of one new file at once crash (daizutabi/hydraflow#245).

    Raises:
        OSError, sqlite3.Error, mlflow.MlflowException: it cannot be used.
    """
    silence_mlflow()
    home.mkdir(parents=True, exist_ok=True)
    with held(home / "mlflow.lock"):
        if not store_file(home).exists():
            _make(home)
        refuse_unusable(home)
        return _open(home)


def refuse_unusable(home: Path, patience_s: float = PATIENCE_S) -> None:
    """Find out soon whether the store can be written: MLflow itself would try for minutes.

    Raises:
        sqlite3.Error: it is locked for longer than that, read-only, damaged or missing.
    """
    uri = f"file:{quote(str(store_file(home)))}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=patience_s)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()


def first_line(error: Exception) -> str:
    """What went wrong, short enough for a status."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:DETAIL_CHARS]


def _make(home: Path) -> None:
    """A whole store under a passing name, then under its own: a kill leaves no half schema."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    draft = home / ".mlflow.db.new"
    _remove(draft)
    artifacts = str(_artifacts(home))
    store = SqlAlchemyStore(f"sqlite:///{draft.absolute()}", artifacts)
    store.create_experiment(EXPERIMENT, artifact_location=artifacts)
    store.engine.dispose()
    try:
        # Not renamed: `mlflow ui`, which knows no lock of ours, may have made one meanwhile.
        store_file(home).hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        _remove(draft)


def _remove(draft: Path) -> None:
    """The draft and what SQLite leaves beside a file that it was killed over."""
    for path in (draft, draft.with_name(f"{draft.name}-journal")):
        path.unlink(missing_ok=True)


def _open(home: Path) -> Store:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=store_uri(home))
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is not None:
        return Store(client, experiment.experiment_id)
    return Store(
        client, client.create_experiment(EXPERIMENT, artifact_location=str(_artifacts(home)))
    )


def _artifacts(home: Path) -> Path:
    """Where files of MLflow runs go, wherever `mlflow ui` is started."""
    return home.absolute() / "mlflow-artifacts"
