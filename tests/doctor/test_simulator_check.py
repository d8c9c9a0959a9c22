"""What doctor says of the simulator's compiled code, and how it makes it."""

from pathlib import Path

import pytest

from drivetrain.doctor import simulator
from drivetrain.doctor.child import NoAnswerError
from drivetrain.doctor.examine import examine
from drivetrain.doctor.simulator import CHILD, check_simulator


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where compiled code would lie, and lies none."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_is_not_compiled_is_told_with_the_time_it_will_take(empty_cache: Path) -> None:
    (found,) = check_simulator(empty_cache)
    assert found.level == "warning"
    assert found.says.startswith("The simulator is not compiled for its present sources")
    assert "/train doctor --fix" in found.do
    assert found.repair is not None
    assert not list(empty_cache.rglob("*.nbc"))


@pytest.mark.slow
def test_a_repair_compiles_and_nothing_is_left_to_say(empty_cache: Path) -> None:
    found = examine(empty_cache, (check_simulator,), fix=True)
    assert [one.level for one in found.findings] == ["ok"]
    assert found.findings[0].says.startswith("The simulator is compiled, in `")
    assert str(empty_cache) in found.findings[0].says
    assert found.repairs[0].startswith("Compiled the simulator in ")


def test_a_simulator_that_does_not_load_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "CHILD", ("-c", "raise SystemExit('no numba')"))
    (found,) = check_simulator(Path())
    assert found.level == "problem"
    assert found.says == "The simulator does not load: no numba."


def test_a_failed_compilation_is_told(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(words: list[str], _: float) -> dict[str, object]:
        if words == [*CHILD, "look"]:
            return {"folder": "", "is_compiled": False}
        raise NoAnswerError("LLVM ERROR: out of memory")

    monkeypatch.setattr("drivetrain.doctor.simulator.ask", ask)
    found = examine(empty_cache, (check_simulator,), fix=True)
    assert found.repairs[0].startswith(
        "Not repaired (the simulator did not compile: LLVM ERROR"
    )
    assert [one.level for one in found.findings] == ["warning"]
