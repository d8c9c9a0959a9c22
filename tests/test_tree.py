"""The tree keeps its promises: sizes, and what may be called what."""

import ast
from pathlib import Path

from drivetrain.settings import PROJECT

PACKAGES = ("skill", "agents", "trainers", "drivetrain")
LONG_FILE = 300
LONG_FUNCTION = 45
LONGER_FOR_A_REASON = {
    "drivetrain/runs/supervise.py": "runs without site-packages, so it is one file",
    "drivetrain/sim/reference.py": "one world, whole, to be read beside the kernels",
    "drivetrain/sim/scenario.py": "the fields of a scenario, in pieces and flat, side by side",
    "drivetrain/sim/pack.py": "how each table of a scenario set is filled, in one place",
}
FORBIDDEN_FOLDERS = ("skills", "runs")
"""`skills/` would hide the root SKILL.md from plugin loaders; `runs/` belongs under a home."""


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((PROJECT / package).rglob("*.py"))]


def test_every_file_can_be_read_in_one_go() -> None:
    lengths = {
        str(path.relative_to(PROJECT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources()
    }
    assert {name for name, lines in lengths.items() if lines > LONG_FILE} == set(
        LONGER_FOR_A_REASON
    )


def test_every_function_fits_on_a_screen() -> None:
    long = [
        f"{path.relative_to(PROJECT)}:{node.lineno} {node.name}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno > LONG_FUNCTION
    ]
    assert long == []


def test_no_folder_name_breaks_a_loader() -> None:
    assert not [name for name in FORBIDDEN_FOLDERS if (PROJECT / name).exists()]
    assert not (PROJECT / "datasets" / "__init__.py").exists()
