"""Requests: the one source of options, defaults and limits."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from drivetrain.settings import PROJECT
from trainers.fields import fields_of, option_fields
from trainers.ppo_request import PPORequest, PPOSettings

OPTIONS = {
    *("--run-id", "--data", "--init-from", "--seed", "--device", "--engine", "--steps"),
    *("--priority", "--after", "--auto-resume", "--max-hours"),
}


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        PPORequest().seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "values", [{"gama": 0.9}, {"gamma": True}, {"gamma": float("inf")}, {"n_epochs": 0}]
)
def test_what_is_not_allowed_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PPOSettings.model_validate(values)


def test_the_name_of_a_run_does_not_make_it_another_request() -> None:
    request = PPORequest(run_id="a")
    assert request.digest() == PPORequest(run_id="b").digest()
    assert request.digest() != PPORequest(run_id="a", seed=1).digest()


def test_the_digest_survives_being_written_and_read() -> None:
    request = PPORequest(run_id="a", ppo=PPOSettings(learning_rate=1e-5))
    again = PPORequest.model_validate_json(request.model_dump_json())
    assert again.digest() == request.digest()


def test_the_options_that_every_start_verb_takes_are_fields() -> None:
    assert {option.flag for option in option_fields(PPORequest).values()} == OPTIONS


def test_limits_are_told_in_words() -> None:
    fields = fields_of(PPORequest)
    assert fields["ppo.gamma"].allowed == "a number from 0 to 1"
    assert fields["ppo.learning_rate"].allowed == "a number above 0 up to 1"
    assert fields["ppo.n_steps"].allowed == "a whole number from 1 to 1,048,576, or null"
    traffic = fields["environment.traffic"]
    assert traffic.allowed == "one of `idm`, `replay`, `mixed` and `policy`"


def test_requests_load_nothing_heavy() -> None:
    code = (
        "import sys, trainers.requests, trainers.configs;"
        "sys.exit(bool({'torch', 'numpy', 'numba'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0
    )
