"""Whether the installed packages are those that the project needs, and fit one another."""

import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from drivetrain.settings import PROJECT


def package_problems() -> list[str]:
    """A sentence for every package that is missing or of the wrong version; none if all fit."""
    # The project's own file: what pip noted when it installed the project may be older.
    stated = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    waiting = [("Drivetrain", Requirement(text)) for text in stated["project"]["dependencies"]]
    seen: set[str] = set()
    problems: list[str] = []
    while waiting:
        needed_by, need = waiting.pop()
        problem = _problem(needed_by, need)
        if problem:
            problems.append(problem)
        elif need.name not in seen:
            seen.add(need.name)
            waiting += [(need.name, more) for more in _needs(need.name)]
    return sorted(problems)


def _problem(needed_by: str, need: Requirement) -> str:
    installed = _installed(need.name)
    if installed is None:
        return f"`{need.name}`, which {needed_by} needs, is not installed, or not wholly."
    if need.specifier.contains(installed, prereleases=True):
        return ""
    return f"`{need.name}` is {installed}; {needed_by} needs {need.specifier}."


def _installed(package: str) -> str | None:
    """The version of a package; None where it is missing, or was half removed."""
    try:
        # What lost its metadata has the version None; where some package has put the backport
        # importlib_metadata in charge, and in later Pythons, asking raises one of these.
        told: str | None = version(package)
    except (PackageNotFoundError, FileNotFoundError, KeyError):
        return None
    return told


def _needs(package: str) -> Iterator[Requirement]:
    """What a package needs here; extras and other systems left out."""
    for need in map(Requirement, requires(package) or ()):
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            yield need
