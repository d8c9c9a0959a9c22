"""What can be typed: every verb, and for those that start runs every default and limit."""

from collections.abc import Sequence
from typing import NoReturn

from drivetrain.errors import RequestError
from drivetrain.options import Option
from drivetrain.text import listing, nearest, quote
from skill.command import find_verb
from skill.grammar import Verb, option_usage
from skill.report import Facts, Report
from skill.table import table
from skill.verbs import SERVING, starting

EXIT_CODES = {
    0: "done",
    2: "bad command or config",
    3: "no such run, file or data",
    4: "conflict: the run id is taken, or the run is over (`stop`) or active (`resume`)",
    5: "the run failed, or `doctor` left a problem",
    75: "stopped, resumable; or `wait` ran out of time",
}


def help_report(topic: str | None) -> Report:
    """All verbs, or one with its options.

    Raises:
        RequestError: there is no such verb.
    """
    if topic is None:
        return _overview()
    verb = find_verb(topic.lower().removeprefix("/train").strip())
    if verb is None:
        _refuse(topic)
    return _verb_report(verb)


def verb_table() -> str:
    """Every verb in a line: also the table that SKILL.md shows."""
    rows = [(f"`{verb.short_usage}`", verb.summary) for verb in (*starting(), *SERVING)]
    return table(("Command", "Does"), rows)


def _overview() -> Report:
    verbs = (*starting(), *SERVING)
    lines = [
        "## /train",
        "",
        "Train driving-planning models in the background of this machine, and watch them.",
        "",
        verb_table(),
        "",
        "Every verb takes `--json`. `/train help VERB` lists options, defaults and limits.",
        "",
        "Exit codes: "
        + "; ".join(f"{code} {words}" for code, words in EXIT_CODES.items())
        + ".",
    ]
    facts: Facts = {
        "verbs": [
            {"verb": verb.name, "usage": verb.usage, "does": verb.summary} for verb in verbs
        ],
        "exit_codes": {str(code): words for code, words in EXIT_CODES.items()},
    }
    return Report("\n".join(lines), facts)


def _verb_report(verb: Verb) -> Report:
    starts = any(verb.name == start.name for start in starting())
    settings = _settings(verb.name) if starts else []
    parts = [
        f"## /train {verb.name}",
        verb.summary,
        f"Usage: `{verb.short_usage}`, for example `/train {verb.example}`.",
        table(("Option", "Meaning"), map(_option_row, verb.options)),
    ]
    if settings:
        parts.append(
            "### Settings\n\nFor `--set PATH=VALUE`, and nested the same way in a config file. "
            "Options and `--set` overrule the config."
        )
        rows = [_setting_row(setting) for setting in settings]
        parts.append(table(("Path", "Default", "Allowed", "Meaning"), rows))
    facts: Facts = {
        "verb": verb.name,
        "usage": verb.usage,
        "does": verb.summary,
        "example": f"/train {verb.example}",
        "options": [
            {"option": option.flag, "value": option.value, "meaning": option.meaning}
            for option in verb.options
        ],
        "settings": settings,
    }
    return Report("\n\n".join(parts), facts)


def _option_row(option: Option) -> Sequence[str]:
    return (f"`{option_usage(option)[1:].replace(']', '')}`", option.meaning)


def _settings(name: str) -> list[Facts]:
    # Only the verbs that start runs have settings, and only they pay for Pydantic.
    from trainers.fields import fields_of
    from trainers.requests import REQUESTS

    return [
        {
            "path": facts.path,
            "default": facts.default,
            "default_text": facts.default_text,
            "allowed": facts.allowed,
            "meaning": facts.meaning,
            "option": facts.flag,
        }
        for facts in fields_of(REQUESTS[name]).values()
    ]


def _setting_row(setting: Facts) -> Sequence[str]:
    default = setting["default_text"]
    return (
        f"`{setting['path']}`",
        "-" if default == "-" else f"`{default}`",
        setting["allowed"],
        setting["meaning"],
    )


def _refuse(topic: str) -> NoReturn:
    names = [verb.name for verb in (*starting(), *SERVING)]
    guess = nearest(topic, names)
    hint = f"Did you mean {quote(guess)}? " if guess else ""
    command = f"/train help {guess}" if guess else "/train help"
    raise RequestError(
        f"{quote(topic)} is not a verb; there are {listing(names)}. {hint}Try `{command}`."
    )
