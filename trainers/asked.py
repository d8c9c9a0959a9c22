"""What a person gave to start a run, before anything is validated. Loads nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivetrain.options import Given, Option

CONFIG: Final = Option(
    "--config", "Config file to start from (YAML), or the name of a built-in one.", "FILE"
)
SET: Final = Option(
    "--set", "Set one value of the request, as often as needed.", "PATH=VALUE", repeats=True
)
MOST_STEPS: Final = 100_000_000_000
"""Environment steps that a run may be asked for."""
FEWEST_HOURS: Final = 0.01
MOST_HOURS: Final = 8_760.0
"""What a run's time may be bounded to: half a minute, and a year."""
DRY_RUN: Final = Option("--dry-run", "Print the resolved config and write nothing.")


@dataclass(frozen=True, slots=True)
class Asked:
    """A config, options as (path in the request, text), and `path=value` texts of `--set`."""

    algorithm: str
    config: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    sets: tuple[str, ...] = ()


def asked_with(algorithm: str, given: Given, fields: Mapping[str, Option]) -> Asked:
    """What the words ask for.  fields: the option of each path in the request."""
    options = [(path, given.last(option.flag)) for path, option in fields.items()]
    return Asked(
        algorithm=algorithm,
        config=given.last(CONFIG.flag),
        options=tuple((path, text) for path, text in options if text is not None),
        sets=given.values.get(SET.flag, ()),
    )
