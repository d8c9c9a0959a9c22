"""Proposals: checked as dry runs, and never acted on."""

from pathlib import Path
from typing import Any

import pytest

from drivetrain.errors import UserError
from drivetrain.runs.wait import wait_for
from tests.runs.living import PATIENCE_S, start
from tests.skill.tools.conftest import Opened


def proposal(*commands: str) -> dict[str, Any]:
    return {
        "hypothesis": "A lower gamma learns sooner",
        "falsifier": "no better score over three seeds",
        "commands": list(commands),
    }


def test_a_proposal_shows_what_its_commands_would_do_and_does_nothing(
    home: Path, opened: Opened
) -> None:
    start(home, "complete", "a")
    wait_for(home, "a", PATIENCE_S)
    before = sorted(path.name for path in (home / "runs").iterdir())
    reply = opened("ad-experiment-manager").call(
        "train_propose",
        proposal(
            "/train ppo --set ppo.gamma=0.98 --steps 2M --run-id g98", "resume a --steps 9M"
        ),
    )
    assert "| `/train ppo --set ppo.gamma=0.98 --steps 2M --run-id g98` | start `g98`: PPO" in (
        reply.report
    )
    assert "2,000,000 steps" in reply.report
    assert "Nothing was started" in reply.report
    assert sorted(path.name for path in (home / "runs").iterdir()) == before


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        (["/train ppo --gamma 1"], "`--gamma` is not an option of `ppo`"),
        (["/train ppo --run-id a"], "`a` belongs to another request"),
        (["/train ppo --run-id b", "/train sac --run-id b"], "Two commands start `b`"),
        (["/train stop a"], "already over"),
        (["/train logs a"], "starts, stops and resumes no run"),
        (["/train ppo; rm -rf /"], "`ppo;` is not an algorithm"),
        (["/train ppo --data nowhere"], "There is no scenario set"),
    ],
)
def test_a_proposal_that_could_not_be_carried_out_is_refused(
    commands: list[str], said: str, home: Path, opened: Opened
) -> None:
    start(home, "complete", "a")
    wait_for(home, "a", PATIENCE_S)
    with pytest.raises(UserError) as caught:
        opened().call("train_propose", proposal(*commands))
    assert said in str(caught.value)
