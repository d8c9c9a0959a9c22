"""`python -m drivetrain.data convert | info | generate`: scenario sets by command."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from typing_extensions import override

from drivetrain.data import validate
from drivetrain.data.catalogue import Origin
from drivetrain.data.converters import commonroad
from drivetrain.data.report import Summary
from drivetrain.data.scenario_sets import ScenarioSetWriter, load
from drivetrain.errors import RequestError, UserError
from drivetrain.sim.scenario import Scenario
from drivetrain.text import quote

INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns its exit code."""
    try:
        options = _parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], str] = options.command
        sys.stdout.write(command(options) + "\n")
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except OSError as error:
        place = "The set" if error.filename is None else quote(str(error.filename), 200)
        sys.stderr.write(
            f"error: {place} cannot be read or written ({error.strerror}); name a "
            f"folder of yours: `--out datasets/processed/NAME`.\n"
        )
        return UserError.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; nothing was written.\n")
        return INTERRUPTED
    return 0


def convert(options: argparse.Namespace) -> str:
    """Recordings in another format become a scenario set."""
    files = commonroad.files_in(options.source)
    with ScenarioSetWriter(
        options.out, Origin(commonroad.SOURCE, commonroad.VERSION)
    ) as writer:
        for at, file in enumerate(files, start=1):
            _progress(f"{at}/{len(files)} {file.name}")
            writer.add(_fit(file, writer))
    return Summary(load(options.out), options.out).markdown()


def info(options: argparse.Namespace) -> str:
    """What a scenario set holds."""
    summary = Summary(load(options.set), options.set)
    return json.dumps(summary.facts(), indent=2) if options.json else summary.markdown()


def generate(options: argparse.Namespace) -> str:
    """Made-up traffic situations become a scenario set."""
    # Imported here: it compiles the simulator, which the other commands do not need.
    from drivetrain.data import generate as generator

    with ScenarioSetWriter(options.out, generator.ORIGIN) as writer:
        for at, scenario in enumerate(
            generator.scenarios(options.count, options.seed, on_reject=writer.reject), start=1
        ):
            _progress(f"{at}/{options.count}", is_due=at % 64 == 0)
            writer.add([scenario])
    return Summary(load(options.out), options.out).markdown()


def _fit(file: Path, writer: ScenarioSetWriter) -> Iterator[Scenario]:
    """A file's good scenarios; the others are counted by reason."""
    try:
        for scenario in commonroad.scenarios_of(file):
            reason = scenario if isinstance(scenario, str) else validate.fault(scenario)
            if reason is not None:
                writer.reject(reason)
            elif isinstance(scenario, Scenario):
                yield scenario
    except commonroad.UnfitFileError as error:
        writer.reject(f"file_{error}")


def _progress(text: str, *, is_due: bool = True) -> None:
    if is_due:
        sys.stderr.write(f"\r{text}\n" if not sys.stderr.isatty() else f"\r{text}\033[K")
        sys.stderr.flush()


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as an error of ours, with the way to the help."""

    @override
    def error(self, message: str) -> NoReturn:
        """Raises: RequestError, always."""
        raise RequestError(f"{message}. See `{self.prog} --help`.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m drivetrain.data", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("convert", help="recordings to a scenario set")
    add.add_argument("format", choices=["commonroad"])
    add.add_argument("source", nargs="+", type=Path, help="files, or folders of files")
    add.add_argument("--out", required=True, type=Path, help="new folder for the set")
    add.set_defaults(command=convert)
    add = commands.add_parser("info", help="what a scenario set holds")
    add.add_argument("set", type=Path, help="folder of the set")
    add.add_argument("--json", action="store_true", help="for machines")
    add.set_defaults(command=info)
    add = commands.add_parser("generate", help="made-up situations to a scenario set")
    add.add_argument("--out", required=True, type=Path, help="new folder for the set")
    add.add_argument("--count", type=_count, default=512, help="scenarios (default 512)")
    add.add_argument("--seed", type=_seed, default=0, help="seed of everything random")
    add.set_defaults(command=generate)
    return parser


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is no seed; 0 to {2**32 - 1} are possible")
    return number


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} scenarios; 1 to 1,000,000 are possible")
    return number


if __name__ == "__main__":
    # A closed terminal or a `kill` cleans up as Ctrl-C does, and a shell's `&` is no exception.
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
