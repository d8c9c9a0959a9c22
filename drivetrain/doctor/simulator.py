"""Whether the simulator's kernels are compiled, and compiling them before somebody waits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drivetrain.doctor.child import NoAnswerError, ask
from drivetrain.doctor.finding import Finding
from drivetrain.errors import UserError
from drivetrain.text import plain, quote

CHILD = ("-m", "drivetrain.doctor.simulator_child")
PATIENCE_S = 90.0
COMPILE_PATIENCE_S = 900.0
"""A busy machine needs minutes."""
USUAL_S = 70
"""What compiling takes one core of a Xeon server, to ten seconds."""


def check_simulator(_home: Path) -> Iterator[Finding]:
    """Whether the next run begins at once, or compiles first."""
    try:
        facts = ask([*CHILD, "look"], PATIENCE_S)
        folder, is_compiled = str(facts["folder"]), bool(facts["is_compiled"])
    except (NoAnswerError, KeyError) as error:
        yield Finding(
            "simulator",
            "problem",
            f"The simulator does not load: {plain(str(error))}.",
            "See what packages lack above; `make check` tells the rest.",
        )
        return
    if is_compiled:
        says = f"The simulator is compiled, in {quote(folder, 200)}."
        yield Finding("simulator", "ok", says)
        return
    yield Finding(
        "simulator",
        "warning",
        f"The simulator is not compiled for its present sources: its first use will take "
        f"about {USUAL_S} s longer.",
        "Nothing needs to be done; `/train doctor --fix` compiles it now.",
        _compile,
    )


def _compile() -> str:
    try:
        facts: dict[str, Any] = ask([*CHILD, "compile"], COMPILE_PATIENCE_S)
        return f"Compiled the simulator in {float(facts['seconds']):.0f} s."
    except (NoAnswerError, KeyError) as error:
        raise UserError(f"the simulator did not compile: {error}") from error
