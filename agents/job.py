"""One piece of work from its task to its end: what was said, what stopped it, what goes on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anthropic

from agents.command import Command
from agents.faults import FAULTS, fault_of, require_key
from agents.limits import Budget
from agents.loop import Ending, work
from agents.notebook import verdict_on, write_entry
from agents.settings import RETRIES, model_named
from agents.started import StartedRuns
from agents.terminal import Terminal
from agents.tools import Hands
from agents.transcript import Transcript
from drivetrain.errors import UserError
from skill.tools.door import Caller, Door

UNFINISHED = 75
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Job:
    """Work that is over.  error: what broke it off.  notebook: where it was noted."""

    hands: Hands
    model: str
    ending: Ending
    exit_code: int
    error: str | None = None
    notebook: Path | None = None

    def lines(self) -> Iterator[str]:
        """How it ended, for the person."""
        yield from self.ending.stopped
        if self.error is not None:
            yield f"error: {self.error}"
        runs = [f"`{run}` ({state})" for run, state in self.hands.started.states()]
        if runs:
            yield f"Started: {', '.join(runs)}. Runs go on by themselves: `bin/train status`."
        elif self.exit_code:
            yield "No run was started."
        if self.notebook is not None:
            yield f"Noted in {self.notebook}"
        yield f"Transcript: {self.hands.transcript.path}"

    def facts(self) -> dict[str, Any]:
        """The same, for programs."""
        budget, states = self.hands.budget, self.hands.started.states()
        return {
            "role": self.hands.role,
            "model": self.model,
            "said": self.ending.said,
            "stopped": list(self.ending.stopped),
            "error": self.error,
            "exit_code": self.exit_code,
            "started": [{"run": run, "state": state} for run, state in states],
            "turns": budget.turns,
            "tokens": budget.tokens,
            "gpu_hours": round(self.hands.started.gpu_hours(), 3),
            "notebook": None if self.notebook is None else str(self.notebook),
            "transcript": str(self.hands.transcript.path),
        }


def carry_out(command: Command, home: Path) -> Job:
    """Let the agent do the task.

    Raises:
        UserError: it cannot even begin.
    """
    client = anthropic.Anthropic(max_retries=RETRIES)
    require_key(client)
    started = StartedRuns(home)
    terminal = Terminal(is_quiet=command.as_json, agrees=command.agrees)
    with Transcript(home, command.role) as transcript:
        hands = Hands(
            door=Door(home, Caller("sdk", command.role, terminal.ask)),
            budget=Budget(command.limits, started),
            started=started,
            transcript=transcript,
            terminal=terminal,
        )
        job = _worked(hands, client, model_named(command.model), command.task)
        transcript.write("ended", **job.facts())
    return job


def _worked(hands: Hands, client: anthropic.Anthropic, model: str, task: str) -> Job:
    ending = Ending("", ())
    try:
        ending = work(hands, client, model, task)
        job = Job(hands, model, ending, UNFINISHED if ending.stopped else 0)
        return _noted(job, client, task) if hands.compared else job
    except FAULTS as error:
        fault = fault_of(error, client, model)
        return _broken(hands, model, ending, fault)
    except UserError as error:
        return _broken(hands, model, ending, error)
    except KeyboardInterrupt:
        return Job(hands, model, ending, INTERRUPTED, "Interrupted.")


def _broken(hands: Hands, model: str, ending: Ending, error: UserError) -> Job:
    return Job(hands, model, ending, error.exit_code, str(error))


def _noted(job: Job, client: anthropic.Anthropic, task: str) -> Job:
    """Write what was compared into the notebook, with the model's verdict."""
    comparisons = list(job.hands.compared.values())
    said = {"task": task, "report": job.ending.said}
    verdict = verdict_on(comparisons, client, job.model, said)
    if verdict is None:
        why = "The model gave no verdict, so nothing was noted. Try the same again."
        return replace(job, exit_code=UNFINISHED, error=why)
    job.hands.transcript.write("verdict", **verdict.model_dump())
    return replace(job, notebook=write_entry(job.hands.door.home, verdict, comparisons))
