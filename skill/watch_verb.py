"""`watch`: how it is written, and the command that its words become."""

from typing import Final

from drivetrain.errors import RequestError
from drivetrain.options import Given, Option, number
from skill.arguments import run_argument
from skill.grammar import JSON, Command, Verb, Watch

USUAL_PAUSE_S = 2.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 3600


def _watch(given: Given) -> Command:
    is_test = "--test" in given
    if is_test and (given.arguments or {"--every", "--chat"} & set(given.values)):
        raise RequestError(
            "`--test` tells one event and ends; beside it only `--json` means something. "
            "Try `/train watch --test`."
        )
    run = run_argument(given, "watch") if given.arguments else None
    typed = "watch" if run is None else f"watch {run}"
    pause_s = number(typed, "--every", given.last("--every"), SHORTEST_PAUSE_S, LONGEST_PAUSE_S)
    return Watch(
        run=run,
        pause_s=USUAL_PAUSE_S if pause_s is None else pause_s,
        chat=given.last("--chat"),
        is_test=is_test,
        as_json="--json" in given,
    )


WATCH: Final = Verb(
    "watch",
    "[RUN]",
    "Tell in a line each what becomes of all runs, or of one until it ends: states, alerts, "
    "milestones.",
    "watch ppo_v1",
    (
        Option("--every", f"Seconds between two looks; else {USUAL_PAUSE_S:g}.", "S"),
        Option(
            "--chat",
            "For the monitor of a chat: states and alerts alone, and one watcher for each id.",
            "ID",
        ),
        Option("--test", "Tell one event that means nothing, and end."),
        JSON,
    ),
    _watch,
)
