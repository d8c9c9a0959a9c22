"""The notebook: which question was asked, what was compared, and what came out of it.

Numbers and what is sure stand there as the comparison found them; the model only says what was
asked, and whether that answers it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import anthropic
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivetrain.clock import SYSTEM, Clock
from drivetrain.runs.atomic import read_json
from drivetrain.text import listing, plain
from skill.compare_page import verdicts
from skill.table import untrusted
from skill.tools.answers import question_of
from skill.tools.catalog import tool_named
from skill.tools.contract import words_of

VERDICT_TOKENS: Final = 1_024
ASK: Final = (
    "Above is a question, what was compared for it, and your report. State the question in one "
    "sentence, and whether the comparison answers it: `yes`, `no`, or `open` where it leaves "
    "that to chance."
)
Facts = Mapping[str, Any]


class Verdict(BaseModel):
    """What the model adds to a comparison."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    question: str = Field(description="What was asked, in one sentence.")
    answer: Literal["yes", "no", "open"] = Field(description="What the comparison says to it.")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison that was made.  id: of its question.  drivers: their names."""

    id: str
    drivers: tuple[str, ...]
    facts: Facts

    @property
    def is_sure(self) -> bool:
        """Whether it found any difference that is no chance."""
        return any(one["verdict"] in ("better", "worse") for one in self.facts["comparisons"])


def comparison_of(home: Path, arguments: Mapping[str, Any]) -> Comparison | None:
    """What a call of `train_compare` found, from the home; None where it is still sought."""
    tool = tool_named("train_compare")
    asked = tool.contract.model_validate(dict(arguments))
    question = question_of(home, words_of(tool.verb, asked))
    answer = read_json(question.answer) or {}
    facts = answer.get("facts")
    if answer.get("exit_code") or not isinstance(facts, dict) or "comparisons" not in facts:
        return None
    names = tuple(str(driver["name"]) for driver in facts["drivers"])
    return Comparison(question.folder.name, names, facts)


def verdict_on(
    comparisons: Sequence[Comparison],
    client: anthropic.Anthropic,
    model: str,
    said: Mapping[str, str],
) -> Verdict | None:
    """The model's verdict; `open` where no comparison is sure, whatever the model says.

    said: the task and the report.  None where the model gives no verdict.

    Raises:
        anthropic.AnthropicError: the model cannot be asked.
    """
    found = "\n\n".join(verdicts(each.facts["comparisons"]) for each in comparisons)
    text = f"Task:\n{said['task']}\n\nCompared:\n{found}\n\nReport:\n{said['report']}\n\n{ASK}"
    try:
        verdict = client.messages.parse(
            model=model,
            max_tokens=VERDICT_TOKENS,
            messages=[{"role": "user", "content": text}],
            output_format=Verdict,
        ).parsed_output
    except ValidationError:
        return None
    if verdict is not None and not any(each.is_sure for each in comparisons):
        return verdict.model_copy(update={"answer": "open"})
    return verdict


def write_entry(
    home: Path, verdict: Verdict, comparisons: Sequence[Comparison], clock: Clock = SYSTEM
) -> Path:
    """Add an entry at the end of the home's notebook."""
    when = datetime.fromtimestamp(clock.wall(), UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [f"## {when}: {_heading(verdict.question)}"]
    for each in comparisons:
        parts += [
            "\n".join(_compared(each)),
            verdicts(each.facts["comparisons"]),
        ]
    parts.append(f"Verdict: **{verdict.answer}**.")
    path = home / "notebook.md"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        # One write to a file opened for appending is whole, whoever else appends.
        os.write(descriptor, ("\n\n".join(parts) + "\n\n").encode())
    finally:
        os.close(descriptor)
    return path


def _heading(question: str) -> str:
    """The question as one line that nothing in a notebook is mistaken for."""
    return plain(question, 300).replace("`", "'").replace("|", "/").replace("<", "(")


def _compared(comparison: Comparison) -> Iterator[str]:
    data = comparison.facts["data"]
    yield f"- Compared: {listing(comparison.drivers)}"
    yield (
        f"- On: {data['scenarios']} {untrusted(str(data['split']))} scenarios of "
        f"{untrusted(str(data['name']))}, of {data['groups']} drives"
    )
