"""The benchmark of faults notices a record that lies, a state that is lost, a process left."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import fault_scene
from benchmarks.fault_scene import Scene, processes_of
from benchmarks.fault_table import FAULTS, Fault
from benchmarks.faults import Result, summary, try_fault
from tests.runs.living import kill


def tried(place: Path, inject: Callable[[Scene], object], record: str) -> Result:
    return try_fault(Fault("made up", inject, record), place)


def kill_trainer(scene: Scene) -> None:
    kill(scene.begin(), "trainer")
    scene.end()


def test_a_harmless_fault_is_told_truly_and_costs_nothing(tmp_path: Path) -> None:
    result = tried(tmp_path, kill_trainer, "failed(killed)")
    assert result.is_true
    assert (result.lost, result.left) == (0, 0)
    assert summary([result], [])["records_true"] == 1


def test_a_record_that_says_something_else_is_not_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.faults.TRUE_WITHIN_S", 0.1)
    result = tried(tmp_path, kill_trainer, "succeeded(completed)")
    assert (result.told, result.is_true) == ("failed(killed)", False)
    assert summary([result], [])["not_true"] == ["made up"]


def test_saved_states_that_are_gone_are_counted(tmp_path: Path) -> None:
    def inject(scene: Scene) -> None:
        kill_trainer(scene)
        shutil.rmtree(scene.folder.checkpoints)

    result = tried(tmp_path, inject, "failed(killed)")
    assert result.lost == 2  # the newest state, and `last.pt`


def test_a_process_that_is_left_is_counted_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fault_scene, "CLEARED_WITHIN_S", 0.1)
    left: list[subprocess.Popen[bytes]] = []

    def inject(scene: Scene) -> None:
        kill_trainer(scene)
        scene.until(lambda: not processes_of(scene.home))
        code = "import signal; signal.pause()"
        left.append(subprocess.Popen([sys.executable, "-c", code], cwd=scene.folder.path))
        # A process that has only just begun has no words yet, as one that has ended.
        scene.until(lambda: bool(processes_of(scene.home)))

    assert tried(tmp_path, inject, "failed(killed)").left == 1
    assert left[0].wait() < 0


def test_a_fault_that_did_not_happen_as_planned_is_told(tmp_path: Path) -> None:
    def inject(scene: Scene) -> None:
        kill_trainer(scene)
        raise ArithmeticError

    result = tried(tmp_path, inject, "failed(killed)")
    assert not result.is_true
    assert "ArithmeticError" in result.wrong


def test_no_two_faults_have_the_same_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
