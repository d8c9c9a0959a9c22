"""The verb on data: how its five actions are written, and the commands they become."""

from typing import Final

# A table without a single import, so that it is as light as the rest.
from drivetrain.data.converters import FORMATS
from drivetrain.errors import RequestError
from drivetrain.options import Given, Option, number, whole_number
from drivetrain.text import listing, quote
from skill.arguments import no_arguments, one_argument
from skill.grammar import (
    JSON,
    Command,
    DataConvert,
    DataDemos,
    DataGenerate,
    DataInfo,
    DataJoin,
    Verb,
)

EXAMPLE = "data convert commonroad SRC --out datasets/processed/ngsim"
DEMOS_EXAMPLE = "data demos --driver pdm --set datasets/processed/ngsim --out demos/pdm"
DEMONSTRATORS = ("log", "pdm", "idm")
MOST_SCENARIOS = 1_000_000
MOST_WORKERS = 1024


def _data(given: Given) -> Command:
    action, *words = given.arguments or ("",)
    builders = {
        "convert": _convert,
        "join": _join,
        "info": _info,
        "generate": _generate,
        "demos": _demos,
    }
    if action in builders:
        return builders[action](given, tuple(words))
    found = f"not {quote(action)}" if action else "and needs one of them"
    raise RequestError(f"`data` knows {listing(builders)}, {found}. Try `/train {EXAMPLE}`.")


def _convert(given: Given, words: tuple[str, ...]) -> Command:
    out = given.last("--out")
    format_, sources = (words[0] if words else ""), (*given.values.get("--db", ()), *words[1:])
    if not sources or not all(sources) or format_ not in FORMATS or not out:
        raise RequestError(
            f"`data convert` takes a format ({listing(FORMATS)}), the files or folders to "
            f"read, and `--out` with the folder to make. Try `/train {EXAMPLE}`."
        )
    flags = {"--out", "--db", "--maps", "--types", "--per-type", "--workers"}
    _only(given, "data convert", flags)
    if given.last("--maps") == "":
        raise RequestError(
            "`--maps` is empty; it is the folder that holds the maps. "
            "Try `/train data convert nuplan SRC --maps DIR --out DIR`."
        )
    typing = f"data convert {format_} SRC --out DIR"
    return DataConvert(
        format=format_,
        sources=sources,
        out=out,
        maps=given.last("--maps"),
        types=tuple(name for name in (given.last("--types") or "").split(",") if name),
        per_type=whole_number(
            typing, "--per-type", given.last("--per-type"), 1, MOST_SCENARIOS
        ),
        workers=whole_number(typing, "--workers", given.last("--workers"), 1, MOST_WORKERS),
        as_json="--json" in given,
    )


def _join(given: Given, words: tuple[str, ...]) -> Command:
    out = given.last("--out")
    if len(words) < 2 or not all(words) or not out:
        raise RequestError(
            "`data join` takes two sets or more, and `--out` with the folder to make. "
            "Try `/train data join sets/a sets/b --out sets/both`."
        )
    _only(given, "data join", {"--out"})
    return DataJoin(words, out, as_json="--json" in given)


def _info(given: Given, words: tuple[str, ...]) -> Command:
    _only(given, "data info", {"--sheet"})
    example = "data info datasets/processed/ngsim"
    folder = one_argument(Given(words), "data info", "folder", example)
    sheet = given.last("--sheet")
    if sheet is not None and not sheet.lower().endswith(".png"):
        raise RequestError(
            f"`--sheet` is {quote(sheet)}; it is a `.png` file to draw. "
            f"Try `/train {example} --sheet scenes.png`."
        )
    return DataInfo(folder, as_json="--json" in given, sheet=sheet)


def _generate(given: Given, words: tuple[str, ...]) -> Command:
    _only(given, "data generate", {"--out", "--count", "--seed"})
    no_arguments(Given(words), "data generate")
    out = given.last("--out")
    if not out:
        raise RequestError(
            "`data generate` needs `--out` with the folder to make. "
            "Try `/train data generate --out datasets/processed/generated --count 1000`."
        )
    typing = "data generate --out DIR"
    return DataGenerate(
        out=out,
        count=whole_number(typing, "--count", given.last("--count"), 1, MOST_SCENARIOS),
        seed=whole_number(typing, "--seed", given.last("--seed"), 0, 2**32 - 1),
        as_json="--json" in given,
    )


def _demos(given: Given, words: tuple[str, ...]) -> Command:
    _only(
        given, "data demos", {"--driver", "--set", "--out", "--scenarios", "--noise", "--seed"}
    )
    no_arguments(Given(words), "data demos")
    out, driver = given.last("--out"), given.last("--driver") or ""
    if not out or driver not in DEMONSTRATORS or given.last("--set") == "":
        raise RequestError(
            f"`data demos` takes `--driver` ({listing(DEMONSTRATORS)}), `--out` with the "
            f"folder to make, and a scenario set unless the built-in one is meant. "
            f"Try `/train {DEMOS_EXAMPLE}`."
        )
    typing = f"data demos --driver {driver} --out DIR"
    return DataDemos(
        driver=driver,
        out=out,
        as_json="--json" in given,
        scenarios=given.last("--set"),
        most=whole_number(typing, "--scenarios", given.last("--scenarios"), 1, MOST_SCENARIOS),
        noise=number(typing, "--noise", given.last("--noise"), 0, 1),
        seed=whole_number(typing, "--seed", given.last("--seed"), 0, 2**32 - 1),
    )


def _only(given: Given, verb: str, flags: set[str]) -> None:
    extra = sorted(set(given.values) - flags - {"--json"})
    if extra:
        raise RequestError(
            f"`{extra[0]}` is not an option of `{verb}`. Try `/train help data`."
        )


DATA: Final = Verb(
    "data",
    "convert FORMAT SRC… | join SET… | info SET | generate | demos",
    "Make scenario sets of recorded files or generated traffic, join and describe them, and "
    "demonstrations to imitate.",
    EXAMPLE,
    (
        Option("--out", "Folder to make; it must not exist yet.", "DIR"),
        Option(
            "--db", "nuPlan databases to convert, or folders of them.", "FILE…", repeats=True
        ),
        Option("--maps", "Folder of nuPlan's maps.", "DIR"),
        Option("--types", "Convert only scenarios of these types.", "A,B"),
        Option("--per-type", "Convert at most so many scenarios of a type per file.", "N"),
        Option("--workers", "Processes that convert; by default one per core.", "N"),
        Option("--sheet", "Draw scenes of the set into this PNG file.", "FILE"),
        Option("--count", "Scenarios to generate.", "N"),
        Option("--driver", f"Who demonstrates: {listing(DEMONSTRATORS)}.", "DRIVER"),
        Option("--set", "Set to demonstrate in; by default the built-in one.", "SET"),
        Option("--scenarios", "Scenarios to demonstrate in; by default all.", "N"),
        Option("--noise", "How hard the driver is pushed off its line, 0 to 1.", "SHARE"),
        Option("--seed", "Seed of the generator, or of the pushes.", "N"),
        JSON,
    ),
    _data,
)
