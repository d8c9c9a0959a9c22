"""What doctor says of Python, its packages, torch and the GPU."""

import subprocess
from pathlib import Path

import pytest

from drivetrain.doctor import heavy, machine, packages
from drivetrain.doctor.examine import MACHINE_CHECKS, examine
from drivetrain.doctor.finding import Finding
from drivetrain.doctor.heavy import Heavy, ask_heavy


def test_this_machine_is_fit_to_run_these_tests(tmp_path: Path) -> None:
    found = examine(tmp_path, MACHINE_CHECKS, fix=False)
    assert found.at("problem") == ()
    says = {one.check: one.says for one in found.findings}
    assert says["python"].endswith("every package fits.")
    assert says["torch"].startswith("torch 2.")


def test_a_package_that_is_missing_or_too_old_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["numpy>=2", "no-such-thing>=1", "gymnasium>=99"]\n'
    )
    monkeypatch.setattr(packages, "PROJECT", tmp_path)
    found = list(machine.check_python(tmp_path))
    assert [one.level for one in found] == ["problem", "problem"]
    assert found[0].says.startswith("`gymnasium` is ")
    assert found[0].says.endswith("; Drivetrain needs >=99.")
    assert (
        found[1].says
        == "`no-such-thing`, which Drivetrain needs, is not installed, or not wholly."
    )
    assert "install`" in found[0].do


def test_a_package_that_was_half_removed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["half-gone>=1"]\n')
    (tmp_path / "half_gone-1.0.dist-info").mkdir()
    monkeypatch.setattr(packages, "PROJECT", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (found,) = machine.check_python(tmp_path)
    assert found.says.startswith("`half-gone`, which Drivetrain needs, is not installed")


def told(
    answer: Heavy, monkeypatch: pytest.MonkeyPatch, *, driver: bool
) -> tuple[Finding, Finding]:
    """What is said of torch and of the GPU where the child finds this."""
    monkeypatch.setattr(machine, "ask_heavy", lambda: answer)
    monkeypatch.setattr(machine, "has_driver", lambda: driver)
    torch, gpu = machine.check_torch(Path())
    return torch, gpu


WITH_GPU = Heavy(torch="2.9", cuda="12.8", cuda_devices=1, driver="570", gpus=("H200",))


@pytest.mark.parametrize(
    ("answer", "driver", "levels", "words"),
    [
        (Heavy(torch="2.9"), False, ("ok", "ok"), "computes on the CPU"),
        (WITH_GPU, True, ("ok", "ok"), "computes on 1 GPU with CUDA 12.8"),
        (Heavy(torch="2.9"), True, ("warning", "ok"), "is built without CUDA"),
        (Heavy(torch="2.9", cuda="12.8"), True, ("warning", "ok"), "finds no GPU"),
        (
            Heavy(torch="2.9", cuda="12.8", cuda_error="RuntimeError: busy"),
            True,
            ("problem", "ok"),
            "sees a GPU and cannot use it: RuntimeError: busy.",
        ),
        (Heavy(torch_error="OSError: x.so"), False, ("problem", "ok"), "OSError: x.so"),
        (
            Heavy(torch="2.9", nvml_error="NVMLError: Driver/library version mismatch"),
            True,
            ("warning", "problem"),
            "is built without CUDA",
        ),
    ],
)
def test_torch_and_the_gpu_are_judged_by_what_they_do(
    answer: Heavy,
    driver: bool,  # noqa: FBT001 - a column of the table
    levels: tuple[str, str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch, gpu = told(answer, monkeypatch, driver=driver)
    assert (torch.level, gpu.level) == levels
    assert words in torch.says
    assert all(bool(one.do) == (one.level != "ok") for one in (torch, gpu))


def test_a_gpu_cut_in_slices_is_no_trouble_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _, gpu = told(
        Heavy(torch="2.9", driver="570", gpus=("H200",), mig=True), monkeypatch, driver=True
    )
    assert gpu.says == "Driver 570: H200. MIG is on: a slice tells its memory, and no usage."


def test_a_library_that_hangs_or_dies_is_told_like_one_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("torch", 1)

    with monkeypatch.context() as patch:
        patch.setattr(heavy, "CHILD", ("-c", "import os; os.abort()"))
        assert ask_heavy().torch_error == "exit code -6"
        patch.setattr(heavy, "CHILD", ("-c", "raise SystemExit('no library')"))
        assert ask_heavy().torch_error == "no library"
    monkeypatch.setattr(subprocess, "run", hang)
    assert ask_heavy().torch_error == "no answer within 90 s"
