"""Which code a run was started from."""

import hashlib
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from drivetrain.settings import PROJECT

PACKAGES = ("drivetrain", "torch", "stable-baselines3", "gymnasium", "numpy", "numba")
GIT_PATIENCE_S = 2.0


def describe_source() -> dict[str, Any]:
    """Commit, a hash of what differs from it, and versions; None for what cannot be known."""
    changes = _git("diff", "HEAD")
    commit = _git("rev-parse", "HEAD")
    return {
        "v": 1,
        "commit": None if commit is None else commit.decode("ascii").strip(),
        "changes_sha256": hashlib.sha256(changes).hexdigest() if changes else None,
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _git(*words: str) -> bytes | None:
    """What git says about the project, or None where there is no git or no repository."""
    try:
        answer = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", "-C", str(PROJECT), *words],  # noqa: S607 - the git that the user has
            capture_output=True,
            check=False,
            timeout=GIT_PATIENCE_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None


def _version(package: str) -> str | None:
    """The installed version of a package; nothing is imported for it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
