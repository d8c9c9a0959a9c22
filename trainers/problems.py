"""What is wrong with a request, in sentences that name what is allowed and what to type."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from drivetrain.errors import RequestError
from drivetrain.text import listing, nearest, quote
from trainers.fields import FieldFacts, fields_of, sections_of
from trainers.train_request import CONTRADICTION, TrainRequest

MOST_PROBLEMS = 12
_SIMPLE = re.compile(r"[A-Za-z0-9_@%+=:,./\[\]-]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    sentence: without a full stop.  try_set: a `path=value` that would be right.
    fix: what must be corrected by hand, where no option can.
    """

    path: str
    sentence: str
    try_set: str | None = None
    fix: str | None = None


@dataclass(slots=True)
class Origin:
    """Where the values of a request came from, to name them as the person wrote them."""

    algorithm: str
    config: str | None
    flags: dict[str, str] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)

    def add_option(self, path: str, flag: str, text: str) -> None:
        """An option set this value."""
        self.flags[path] = flag
        self.words[path] = [flag, text]

    def add_set(self, path: str, text: str) -> None:
        """`--set` set this value."""
        self.words[path] = ["--set", f"{path}={text}"]

    def label(self, path: str) -> str:
        """The value as the person named it."""
        return self.flags.get(path, path)

    def corrected(self, problems: Sequence[Problem]) -> str:
        """The command with what was wrong put right, and what was right kept."""
        words = ["/train", self.algorithm]
        if self.config is not None:
            words += ["--config", self.config]
        wrong = {problem.path for problem in problems}
        for path, given in self.words.items():
            words += given if path not in wrong else []
        right: dict[str, list[str]] = {}
        for problem in problems:
            right.setdefault((problem.try_set or "").partition("=")[0], self._right(problem))
        words += [word for given in right.values() for word in given]
        # Whatever a shell would read in its own way is left out of a command to type.
        simple = all(_SIMPLE.fullmatch(word) for word in words)
        return " ".join(words if simple else words[:2])

    def _right(self, problem: Problem) -> list[str]:
        if problem.try_set is None:
            return []
        path, _, value = problem.try_set.partition("=")
        if path in self.flags:
            return [self.flags[path], value]
        return ["--set", problem.try_set]


def value_problems(
    error: ValidationError, model: type[TrainRequest], origin: Origin
) -> list[Problem]:
    """Every problem that the model found, in its order."""
    found: list[Problem] = []
    for details in error.errors(include_url=False):
        if details["type"] == CONTRADICTION:
            found += [_contradiction(told) for told in details["ctx"]["told"]]
        else:
            found.append(_problem(details, model, origin))
    # A list of many wrong items is one problem.
    return list({problem.path: problem for problem in reversed(found)}.values())[::-1]


def refuse(problems: Sequence[Problem], origin: Origin) -> NoReturn:
    """Tell all problems at once.

    Raises:
        RequestError: always.
    """
    shown = [problem.sentence for problem in problems[:MOST_PROBLEMS]]
    if len(shown) < len(problems):
        shown.append(f"and {len(problems) - len(shown)} more")
    place = f" in {quote(origin.config)}" if origin.config else ""
    fixes = [problem.fix for problem in problems if problem.fix]
    by_hand = f"Correct {fixes[0]}{place}, then try" if fixes else "Try"
    command = origin.corrected(problems) + (" --dry-run" if fixes else "")
    if not any(problem.fix or problem.try_set for problem in problems):
        # With the mistake merely left out, a run of other settings than meant would start.
        command = f"/train help {origin.algorithm}"
    if len(shown) == 1:
        stop = "" if shown[0].endswith("?") else "."
        raise RequestError(f"{shown[0]}{stop} {by_hand} `{command}`.")
    lines = "".join(f"\n- {sentence}" for sentence in shown)
    raise RequestError(f"There are {len(problems)} problems:{lines}\n{by_hand} `{command}`.")


def _problem(details: ErrorDetails, model: type[TrainRequest], origin: Origin) -> Problem:
    names = [str(part) for part in details["loc"]]
    if details["type"] == "extra_forbidden":
        return _unknown(names, model)
    fields, sections = fields_of(model), sections_of(model)
    # Below a field lie its items: `policy.hidden.0` is told as `policy.hidden`.
    while names and ".".join(names) not in fields and ".".join(names) not in sections:
        names.pop()
    path = ".".join(names)
    if path in fields:
        return _wrong_value(fields[path], details["input"], origin)
    inside = listing(sections[path])
    given = _given(details["input"])
    return Problem(path, f"`{path}` is {given}; it is a section of {inside}", fix=f"`{path}`")


def _contradiction(told: Mapping[str, str]) -> Problem:
    """As `train_request.Contradiction` tells it."""
    return Problem(told["path"], told["sentence"], f"{told['path']}={told['instead']}")


def _unknown(names: Sequence[str], model: type[TrainRequest]) -> Problem:
    section = ".".join(names[:-1])
    known = sections_of(model).get(section, ())
    prefix = f"{section}." if section else ""
    guess = nearest(names[-1], known)
    # The right word may stand in another section: `gamma` belongs into `ppo`.
    elsewhere = [path for path in fields_of(model) if path.rpartition(".")[2] == names[-1]]
    meant = elsewhere[0] if elsewhere else f"{prefix}{guess}" if guess else None
    hint = f"did you mean `{meant}`?" if meant else f"there are {listing(known)}"
    path = f"{prefix}{names[-1]}"
    return Problem(path, f"{quote(path)} is not a setting; {hint}", fix=quote(names[-1]))


def _given(value: object) -> str:
    """The value as one writes it in a config: `null` and `true`, not Python's words."""
    if isinstance(value, str | float):
        return quote(str(value))
    return quote(json.dumps(value, default=str, ensure_ascii=False))


def _wrong_value(facts: FieldFacts, value: object, origin: Origin) -> Problem:
    label = origin.label(facts.path)
    given = _given(value)
    return Problem(
        facts.path,
        f"`{label}` is {given}; {facts.rule}",
        try_set=f"{facts.path}={facts.example}",
    )
