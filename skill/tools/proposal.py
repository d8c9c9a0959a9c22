"""A proposal: what should be tried, what would refute it, and commands that were checked."""

from pathlib import Path
from typing import Any

from drivetrain.errors import ConflictError, RequestError, UserError
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import read_request
from drivetrain.runs.record import Ended
from drivetrain.runs.registry import find_run
from drivetrain.text import plain, quote
from skill.command import parse
from skill.grammar import Resume, Start, Stop
from skill.report import Facts, Report
from skill.table import table
from skill.tools.acting import ProposeCall


def propose(asked: ProposeCall, home: Path) -> Report:
    """Check every command as a dry run; nothing is written.

    Raises:
        UserError: a command cannot be what is proposed; the message says which and why.
    """
    checked = [_checked(command, home) for command in asked.commands]
    _refuse_twice(checked)
    rows = [(f"`{each['command']}`", str(each["does"])) for each in checked]
    text = "\n".join(
        [
            "## Proposal",
            "",
            f"- Hypothesis: {plain(asked.hypothesis, 500)}",
            f"- Refuted by: {plain(asked.falsifier, 500)}",
            "",
            table(("Command", "Would"), rows),
            "",
            "Nothing was started. A person types these, or `model-trainer` is asked to.",
        ]
    )
    facts: Facts = {
        "hypothesis": asked.hypothesis,
        "falsifier": asked.falsifier,
        "commands": checked,
    }
    return Report(text, facts)


def _checked(text: str, home: Path) -> Facts:
    command = parse(text)
    typed = f"/train {plain(text.strip().removeprefix('/train').strip(), 500)}"
    match command:
        case Start():
            return {"command": typed, **_start(command, home)}
        case Stop():
            run = find_run(home, command.run)
            if isinstance(run.state, Ended):
                raise ConflictError(
                    f"Run `{run.id}` is already over. Try `/train status {run.id}`."
                )
            return {"command": typed, "does": f"stop `{run.id}`", "run": run.id}
        case Resume():
            run = find_run(home, command.run)
            return {"command": typed, "does": f"go on with `{run.id}`", "run": run.id}
        case _:
            raise RequestError(_no_proposal(text))


def _no_proposal(text: str) -> str:
    return (
        f"{quote(text)} starts, stops and resumes no run; only such commands are proposed. "
        "Try `/train ppo --run-id ppo_v2`."
    )


def _start(command: Start, home: Path) -> Facts:
    from trainers.configs import resolve
    from trainers.launch import check_files, check_schedule

    request = resolve(command.asked)
    check_files(request)
    check_schedule(request, home)
    if request.run_id is not None:
        _refuse_taken(request.run_id, request.digest(), home)
    facts: dict[str, Any] = request.model_dump(mode="json")
    name = f"`{request.run_id}`" if request.run_id else "a run with a made-up id"
    steps = facts["training"]["total_steps"]
    length = f", {steps:,} steps" if steps else ""
    does = f"start {name}: {command.asked.algorithm.upper()}{length}, seed {facts['seed']}"
    return {"does": does, "run": request.run_id, "request": facts}


def _refuse_taken(run_id: str, digest: str, home: Path) -> None:
    asked = read_request(RunFolder(home, run_id))
    if asked is not None and asked.digest != digest:
        raise ConflictError(
            f"The run id `{run_id}` belongs to another request. Try `--run-id {run_id[:58]}_2`."
        )


def _refuse_twice(checked: list[Facts]) -> None:
    names = [each["run"] for each in checked if each.get("request") and each["run"]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"Two commands start `{twice[0]}`; each run has an id of its own. "
            f"Try `--run-id {twice[0][:58]}_2` for one of them."
        )
