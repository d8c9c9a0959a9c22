"""MLflow, imported once and quietly, and its store, made once."""

import shutil
import warnings
from pathlib import Path

import pytest

from drivetrain.tracking.store import open_store, silence_mlflow, store_file


@pytest.fixture(scope="session", autouse=True)
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without runs: making one takes a second."""
    silence_mlflow()
    home = tmp_path_factory.mktemp("made")
    with warnings.catch_warnings():
        # What MLflow's libraries will drop one day is not ours to fix.
        warnings.simplefilter("ignore", DeprecationWarning)
        open_store(home)
    return store_file(home)


@pytest.fixture
def home(tmp_path: Path, empty_store: Path) -> Path:
    """A home whose store is there."""
    shutil.copy(empty_store, store_file(tmp_path))
    return tmp_path
