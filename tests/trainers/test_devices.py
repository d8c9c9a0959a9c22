"""Which GPU a request's device means: the one asked for, or a sentence that there is none."""

import pytest
import torch

from drivetrain.errors import RequestError
from trainers.devices import gpu_of, visible_device

LEASED = "GPU-1c0ffee0-0000-0000-0000-000000000000"


def test_a_gpu_that_is_not_there_is_refused_and_never_replaced_by_the_cpu() -> None:
    beyond = torch.cuda.device_count() if torch.cuda.is_available() else 0
    with pytest.raises(RequestError, match=r"Try `/train ppo --device auto`"):
        gpu_of(f"cuda:{beyond}")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_auto_and_cpu_mean_none() -> None:
    assert gpu_of("auto") is None
    assert gpu_of("cpu") is None
    with pytest.raises(RequestError, match=r"no usable CUDA GPU"):
        gpu_of("cuda")


@pytest.mark.parametrize(
    ("device", "leased", "here"),
    [("cuda:3", LEASED, "cuda"), ("cuda:3", None, "cuda:3"), ("auto", LEASED, "auto")],
)
def test_the_one_gpu_of_a_lease_has_no_number(
    device: str, leased: str | None, here: str
) -> None:
    assert visible_device(device, leased) == here


def test_the_one_gpu_that_a_user_left_visible_is_no_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert visible_device("cuda:1", None) == "cuda:1"
