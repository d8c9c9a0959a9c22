"""The runs of a home as folders, whether or not their records can be read."""

from pathlib import Path

from drivetrain.runs.folder import AttemptFolder, RunFolder, is_run_id, runs_folder
from drivetrain.runs.locks import is_held


def run_folders(home: Path) -> list[RunFolder]:
    """Every run's folder, the newest first."""
    if not runs_folder(home).is_dir():
        return []
    paths = [
        path for path in runs_folder(home).iterdir() if is_run_id(path.name) and path.is_dir()
    ]
    return [RunFolder.at(path) for path in sorted(paths, key=_born, reverse=True)]


def attempts_of(folder: RunFolder) -> list[AttemptFolder]:
    """Every attempt of a run, the first first."""
    last = folder.last_attempt()
    numbers = range(1, 1 if last is None else last.number + 1)
    return [attempt for attempt in map(folder.attempt, numbers) if attempt.path.is_dir()]


def is_quiet(folder: RunFolder) -> bool:
    """Whether nobody is at work in this run: neither supervisor nor trainer."""
    return not (is_held(folder.run_lock) or is_held(folder.trainer_lock))


def _born(path: Path) -> float:
    """When a run was asked for, wall clock, s: its starter writes this file once."""
    try:
        return (path / "config.yaml").stat().st_mtime
    except OSError:
        return 0.0
