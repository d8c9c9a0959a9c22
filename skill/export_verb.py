"""`export`: how it is written, and the command that its words become."""

from typing import Final

from drivetrain.errors import RequestError
from drivetrain.options import Given, Option
from skill.arguments import checkpoint_option, run_argument
from skill.grammar import JSON, Command, Export, Verb


def _export(given: Given) -> Command:
    run = run_argument(given, "export")
    if given.last("--out") == "":
        raise RequestError(
            f"`--out` is empty; it is the file to write. Try `/train export {run}`."
        )
    return Export(
        run=run,
        out=given.last("--out"),
        checkpoint=checkpoint_option(given, f"export {run}"),
        as_json="--json" in given,
    )


EXPORT: Final = Verb(
    "export",
    "RUN",
    "Write a run's policy as an ONNX file, compared with the policy before it is kept.",
    "export ppo_v1",
    (
        Option("--out", "File to write; else `exports/RUN.onnx` beside the runs.", "FILE"),
        Option("--checkpoint", "Policy to write: `best` (default) or `last`.", "WHICH"),
        JSON,
    ),
    _export,
)
