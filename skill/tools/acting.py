"""The contracts of the tools that act on runs, and of the one that only proposes it."""

from typing import Annotated, Literal

from pydantic import Field

from skill.tools.contract import Argument, Contract, Flag
from skill.tools.looking import AsDetailed, Picture, RunId
from skill.verbs import EVAL, MOST_SCENARIOS, RESUME, STOP
from trainers.asked import FEWEST_HOURS, MOST_HOURS, MOST_STEPS


class EvalCall(Contract):
    """Drive held-out scenarios with a run's policy, beside the baselines.

    Use when asked how well a run drives, where it fails, or how a baseline does; it never
    touches the run. Not to rank runs: `train_compare` does that. Example:
    {"driver": "ppo_v1"}. May take minutes: then it says that it goes on, and the same call
    again fetches the answer. Next: the replay command that it names, for a person to look at.
    """

    driver: Annotated[
        str,
        Argument(),
        Field(description="Run id, or a baseline such as `idm`.", examples=["ppo_v1"]),
    ]
    data: Annotated[str | None, Flag(EVAL, "--data")] = None
    scenarios: Annotated[
        int | None, Flag(EVAL, "--scenarios"), Field(ge=1, le=MOST_SCENARIOS)
    ] = None
    checkpoint: Annotated[Literal["best", "last"], Flag(EVAL, "--checkpoint")] = "best"
    detail: AsDetailed = "concise"
    picture: Picture = False


class ProposeCall(Contract):
    """Check commands that start, stop or resume runs, and make a proposal of them.

    Use when you think that runs should be started, stopped or resumed and may not do so. It
    checks each command as a dry run and changes nothing; a person or model-trainer types them.
    Example: {"hypothesis": "A lower gamma learns sooner", "falsifier": "No better score over 3
    seeds", "commands": ["/train ppo --set ppo.gamma=0.98 --run-id g98"]}.
    """

    hypothesis: Annotated[
        str, Field(min_length=1, max_length=500, description="What should turn out true.")
    ]
    falsifier: Annotated[
        str, Field(min_length=1, max_length=500, description="What result would refute it.")
    ]
    commands: Annotated[
        tuple[str, ...],
        Field(min_length=1, max_length=20, description="Chat commands, each as one types it."),
    ]


class ResumeCall(Contract):
    """Go on with a run that ended, from its last saved state, under the same id.

    Use when a run was stopped, failed or was cut off, or should train longer. Never start it
    anew under another id instead. Example: {"run": "ppo_v1", "steps": 20000000}.
    Next: report it and end the turn.
    """

    run: RunId
    steps: Annotated[int | None, Flag(RESUME, "--steps"), Field(ge=1, le=MOST_STEPS)] = None
    max_hours: Annotated[
        float | None, Flag(RESUME, "--max-hours"), Field(ge=FEWEST_HOURS, le=MOST_HOURS)
    ] = None


class StopCall(Contract):
    """Save a run's state and end it; `train_resume` can go on from there.

    Use only when the person asked for it. Nobody is asked twice: repeat the run's id in
    `confirm` once the person agreed. Who stops on their own judgement also cites in `finding`
    what `train_status` found in the run. Not because a reward is flat: training is noisy.
    Example: {"run": "ppo_v1", "confirm": "ppo_v1"}.
    """

    run: RunId
    grace_s: Annotated[float | None, Flag(STOP, "--grace"), Field(ge=0, le=86_400)] = None
    force: Annotated[bool, Flag(STOP, "--force")] = False
    confirm: Annotated[
        str | None, Field(description="The run's id again, once the person agreed.")
    ] = None
    finding: Annotated[
        str | None, Field(description="Id of the finding that it is stopped for.")
    ] = None
