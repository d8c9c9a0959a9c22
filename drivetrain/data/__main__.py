"""`python -m drivetrain.data convert | join | info | generate | demos`: data by command."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from typing_extensions import override

from drivetrain.data.conversion import convert as convert_all
from drivetrain.data.conversion import cores
from drivetrain.data.conversion_progress import Progress
from drivetrain.data.convert_file import Job
from drivetrain.data.converters import FORMATS
from drivetrain.data.converters.contract import Options
from drivetrain.data.demonstration_files import load_demonstrations
from drivetrain.data.demonstrations import are_demonstrations
from drivetrain.data.joining import join_sets
from drivetrain.data.report import Summary
from drivetrain.data.scenario_sets import ScenarioSetWriter, load
from drivetrain.errors import (
    ConflictError,
    NotFoundError,
    RequestError,
    RunFailedError,
    UserError,
)
from drivetrain.text import quote, typed

INTERRUPTED = 130
MOST_WORKERS = 1024


class Answer(NamedTuple):
    """What a command says, and its exit code."""

    text: str
    exit_code: int = 0


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns its exit code."""
    try:
        options = _parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], Answer] = options.command
        answer = command(options)
        sys.stdout.write(answer.text + "\n")
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
    except KeyboardInterrupt as stop:
        sys.stderr.write(f"\n{str(stop) or 'Interrupted; nothing was written.'}\n")
        return INTERRUPTED
    return answer.exit_code


def convert(options: argparse.Namespace) -> Answer:
    """Recordings in another format become a scenario set."""
    sources = [*options.db, *options.source]
    if not sources:
        known = FORMATS[options.format].sources
        raise RequestError(
            f"`convert {options.format}` needs something to read: {known}. "
            f"Try `/train data convert {options.format} SOURCE --out DIR`."
        )
    if options.maps is not None and not options.maps.is_dir():
        raise NotFoundError(
            f"There is no folder of maps at {quote(str(options.maps), 200)}; name the one "
            f"that holds them: `--maps DIR`."
        )
    asked = Options(options.maps, options.types, options.per_type)
    job = Job(FORMATS[options.format].module, asked)
    done = convert_all(
        job, sources, options.out, workers=options.workers, progress=Progress(sys.stderr)
    )
    text = _described(options.out)
    if not done.failures:
        return Answer(text)
    sys.stderr.write(f"error: {done.warning()}\n")
    return Answer(text, RunFailedError.exit_code)


def info(options: argparse.Namespace) -> Answer:
    """What a scenario set, or a folder of demonstrations, holds."""
    if are_demonstrations(options.set):
        return _demonstrated(options)
    scenarios = load(options.set)
    summary = Summary(scenarios, options.set)
    if options.sheet is not None:
        _draw(summary, options.sheet)
    if options.json:
        return Answer(json.dumps(summary.facts(), indent=2))
    return Answer(summary.markdown(options.sheet))


def _demonstrated(options: argparse.Namespace) -> Answer:
    """What demonstrations hold; their scenes are those of their set."""
    from drivetrain.data.demonstration_report import (
        demonstration_facts,
        demonstration_report,
    )

    load_demonstrations(options.set)
    if options.json:
        return Answer(json.dumps(demonstration_facts(options.set), indent=2))
    return Answer(demonstration_report(options.set))


def join(options: argparse.Namespace) -> Answer:
    """Several sets become one."""
    join_sets(options.set, options.out)
    return Answer(_described(options.out))


def generate(options: argparse.Namespace) -> Answer:
    """Made-up traffic situations become a scenario set."""
    # Imported here: it compiles the simulator, which the other commands do not need.
    from drivetrain.data import generate as generator

    with ScenarioSetWriter(options.out, generator.ORIGIN) as writer:
        for at, scenario in enumerate(
            generator.scenarios(options.count, options.seed, on_reject=writer.reject), start=1
        ):
            _progress(f"{at}/{options.count}", is_due=at % 64 == 0)
            writer.add([scenario])
    return Answer(_described(options.out))


def demos(options: argparse.Namespace) -> Answer:
    """A driver drives a scenario set, for others to learn from."""
    # Imported here: it compiles the simulator, which the other commands do not need.
    from drivetrain.data.demonstrate import Asked, demonstrate
    from drivetrain.data.demonstration_files import require_free
    from drivetrain.data.demonstration_report import demonstration_report
    from drivetrain.data.open import open_set
    from drivetrain.sim.config import EnvironmentSettings

    require_free(options.out)
    asked = Asked(
        options.driver,
        EnvironmentSettings(),
        options.scenarios,
        options.noise,
        options.seed,
    )
    told = -1

    def tell(done: int, whole: int) -> None:
        nonlocal told
        _progress(f"{done}/{whole}", is_due=done != told)
        told = done

    demonstrate(open_set(options.set), options.set, asked, options.out, tell)
    return Answer(demonstration_report(options.out))


def _described(folder: Path) -> str:
    return Summary(load(folder), folder).markdown()


def _draw(summary: Summary, file: Path) -> None:
    """A sheet of scenes, some of every type."""
    # Imported here: it loads a drawing library, which nothing else needs.
    from drivetrain.pictures.sheet import draw_sheet

    if file.exists():
        raise ConflictError(
            f"{quote(str(file), 200)} exists already; name another file: "
            f"`--sheet {typed(f'{file.stem}_v2.png')}`."
        )
    draw_sheet(summary.scenarios, summary.examples(), file)


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
    add.add_argument("format", choices=list(FORMATS))
    add.add_argument("source", nargs="*", type=Path, help="files, or folders of files")
    add.add_argument("--db", nargs="+", type=Path, default=[], help="more of them")
    add.add_argument("--maps", type=Path, help="folder of the maps, for nuplan")
    add.add_argument("--types", type=_names, default=(), help="only these types: a,b")
    add.add_argument("--per-type", type=_count, help="most scenarios of a type from one file")
    add.add_argument("--workers", type=_workers, default=cores(), help="processes")
    add.add_argument("--out", required=True, type=Path, help="new folder for the set")
    add.set_defaults(command=convert)
    add = commands.add_parser("join", help="several scenario sets to one")
    add.add_argument("set", nargs="+", type=Path, help="folders of the sets")
    add.add_argument("--out", required=True, type=Path, help="new folder for the set")
    add.set_defaults(command=join)
    add = commands.add_parser("info", help="what a scenario set holds")
    add.add_argument("set", type=Path, help="folder of the set")
    add.add_argument("--json", action="store_true", help="for machines")
    add.add_argument("--sheet", type=Path, help="draw some scenes into this PNG file")
    add.set_defaults(command=info)
    add = commands.add_parser("generate", help="made-up situations to a scenario set")
    add.add_argument("--out", required=True, type=Path, help="new folder for the set")
    add.add_argument("--count", type=_count, default=512, help="scenarios (default 512)")
    add.add_argument("--seed", type=_seed, default=0, help="seed of everything random")
    add.set_defaults(command=generate)
    add = commands.add_parser("demos", help="an expert's drives to learn from")
    drivers = ("log", "pdm", "idm")
    add.add_argument("--driver", required=True, choices=drivers, help="who drives")
    add.add_argument("--set", type=Path, help="scenario set (default the built-in one)")
    add.add_argument("--out", required=True, type=Path, help="new folder for the drives")
    add.add_argument("--scenarios", type=_count, help="drive at most so many")
    add.add_argument("--noise", type=_share, default=0.0, help="pushes, 0 to 1 (default 0)")
    add.add_argument("--seed", type=_seed, default=0, help="seed of the pushes")
    add.set_defaults(command=demos)
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _workers(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text} workers; 1 to {MOST_WORKERS} are possible")
    return number


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is no seed; 0 to {2**32 - 1} are possible")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is no share; 0 to 1 are possible")
    return number


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} scenarios; 1 to 1,000,000 are possible")
    return number


def heed_signals() -> None:
    """A closed terminal or a `kill` cleans up as Ctrl-C does; a shell's `&` is no exception."""
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)


if __name__ == "__main__":
    heed_signals()
    sys.exit(main(sys.argv[1:]))
