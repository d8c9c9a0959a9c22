"""A trainer in the foreground: the same supervised run, attended until it ends.

The words mean what they mean after `/train`; closing the terminal changes nothing for the run.
"""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from drivetrain.errors import RequestError
from drivetrain.options import Option, read_options
from drivetrain.runs.asker import FOREGROUND
from drivetrain.runs.attend import attend
from drivetrain.runs.folder import is_run_id
from drivetrain.runs.follow_up import asked_to_stop
from drivetrain.runs.look import Run
from drivetrain.runs.record import Ended
from drivetrain.runs.registry import find_run
from drivetrain.runs.stop import request_stop
from drivetrain.settings import home
from drivetrain.shell import answered
from drivetrain.text import listing, quote
from trainers.asked import CONFIG, DRY_RUN, SET, asked_with
from trainers.configs import as_yaml, read_config, resolve
from trainers.fields import option_fields
from trainers.launch import launch
from trainers.requests import REQUESTS
from trainers.train_request import TrainRequest

OUTPUT = Option(
    "--output",
    "Folder that gets a copy of `best.pt` and `last.pt`; it also names the run.",
    "DIR",
)
HELP = Option("--help", "Show this.")
UNFINISHED = 75
INTERRUPTED = 130


def main(module: str, algorithms: Sequence[str], words: Sequence[str]) -> int:
    """Train as the words say and stay until the run ends; the exit code tells how.

    module: how the program is called.  algorithms: those it may train, the default first.
    """
    try:
        return answered(lambda: _train(module, algorithms, words))
    except KeyboardInterrupt:
        # Before there was a run to stop.
        return INTERRUPTED


def _train(module: str, algorithms: Sequence[str], words: Sequence[str]) -> int:
    # The config decides on the algorithm, and that on the options: those of all find it.
    everyone_s = {
        option.flag: option
        for name in reversed(algorithms)
        for option in option_fields(REQUESTS[name]).values()
    }
    options = (CONFIG, *everyone_s.values(), SET, OUTPUT, DRY_RUN, HELP)
    given = read_options(algorithms[0], words, options)
    if HELP.flag in given:
        sys.stdout.write(_usage(module, options))
        return 0
    if given.arguments:
        raise RequestError(
            f"`{module}` takes options only, and was given {quote(given.arguments[0])}. "
            f"Try `python -m {module} --help`."
        )
    algorithm = _algorithm(given.last(CONFIG.flag), algorithms)
    fields = option_fields(REQUESTS[algorithm])
    given = read_options(algorithm, words, (CONFIG, *fields.values(), SET, OUTPUT, DRY_RUN))
    output = _output(given.last(OUTPUT.flag))
    request = resolve(asked_with(algorithm, given, fields))
    if output is not None and request.run_id is None and is_run_id(output.name):
        request = request.model_copy(update={"run_id": output.name})
    if DRY_RUN.flag in given:
        sys.stdout.write(as_yaml(request))
        return 0
    return _attended(request, output)


def _output(text: str | None) -> Path | None:
    """The folder that was named, from wherever the command was given."""
    if text is None:
        return None
    if not text.strip():
        raise RequestError(
            "`--output` is empty; it is a folder for the policies. "
            "Try `--output experiments/checkpoints/bc_v1`."
        )
    return Path(text).expanduser().absolute()


def _attended(request: TrainRequest, output: Path | None) -> int:
    started = launch(request, home=home(), asked_by=FOREGROUND)
    run = started.run
    begun = "started" if started.created else "is the same request as before"
    sys.stderr.write(f"Run `{run.id}` {begun}; `/train status {run.id}` shows it too.\n")
    while True:
        try:
            run = attend(home(), run.id, sys.stderr)
        except KeyboardInterrupt:
            # Once more, and it is ended without a save.
            force = _is_asked(find_run(home(), run.id))
            did = request_stop(home(), run.id, force=force, asked_by=FOREGROUND).did
            how = "it ends within seconds" if did == "forced" else "it saves first"
            later = f"`/train resume {run.id}` lets it go on later"
            sys.stderr.write(f"\nStopping `{run.id}` ({did}); {how}. {later}.\n")
        else:
            if output is not None:
                _hand_out(run, output)
            return _told(run)


def _hand_out(run: Run, output: Path) -> None:
    """Copy the policies, unless the run keeps them there already."""
    for policy in (run.folder.best_checkpoint, run.folder.checkpoints / "last.pt"):
        target = output / policy.name
        if policy.exists() and not (target.exists() and target.samefile(policy)):
            output.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{target.name}.{os.getpid()}")
            shutil.copyfile(policy, draft)
            draft.replace(target)


def _is_asked(run: Run) -> bool:
    """Whether somebody asked this very attempt before; an earlier one's stop says nothing."""
    return asked_to_stop(run.folder, run.state.attempt) == "user_stop"


def _told(run: Run) -> int:
    end = run.state
    if not isinstance(end, Ended):
        return UNFINISHED
    sys.stdout.write(f"Run `{run.id}` {end.how} ({end.reason}). Next: {end.next_action}.\n")
    return end.exit_code


def _algorithm(config: str | None, algorithms: Sequence[str]) -> str:
    """What the config says is trained, or the default."""
    stated = "" if config is None else read_config(config).get("algorithm", "")
    name = str(stated).lower() or algorithms[0]
    if name not in algorithms:
        raise RequestError(
            f"`algorithm` is {quote(str(stated))} in {quote(config or '')}; here it is "
            f"{listing(algorithm.upper() for algorithm in algorithms)}. "
            f"Try `/train {algorithms[0]} --config {algorithms[0]}`."
        )
    return name


def _usage(module: str, options: Sequence[Option]) -> str:
    lines: Mapping[str, str] = {
        f"{option.flag} {option.value or ''}".strip(): option.meaning for option in options
    }
    wide = max(map(len, lines))
    body = "".join(f"  {flag:<{wide}}  {meaning}\n" for flag, meaning in lines.items())
    return f"python -m {module} [options]\n\n{body}"
