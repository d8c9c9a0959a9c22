"""Chat text → Command."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.errors import RequestError, UserError
from skill.command import parse
from skill.grammar import (
    Compare,
    DataConvert,
    DataDemos,
    DataGenerate,
    DataInfo,
    DataJoin,
    Diagnose,
    Doctor,
    Eval,
    Help,
    Install,
    Logs,
    Replay,
    Resume,
    Start,
    Status,
    Stop,
    Verb,
    Wait,
)
from skill.verbs import SERVING, starting
from trainers.asked import Asked

READ = {
    "status": Status(None, as_json=False),
    "/train status ppo_v1 --json": Status("ppo_v1", as_json=True),
    "logs ppo_v1": Logs("ppo_v1", 40, 0, None, follow=False, as_json=False),
    "logs --tail=5 --grep 'out of memory' ppo_v1 --follow": Logs(
        "ppo_v1", 5, 0, "out of memory", follow=True, as_json=False
    ),
    "stop ppo_v1 --grace 30 --force": Stop("ppo_v1", 30.0, force=True, as_json=False),
    "resume ppo_v1": Resume("ppo_v1", None, as_json=False),
    "resume ppo_v1 --steps 2.3M --json": Resume("ppo_v1", 2_300_000, as_json=True),
    "resume ppo_v1 --max-hours 1.5": Resume("ppo_v1", None, as_json=False, max_hours=1.5),
    "doctor": Doctor(fix=False, as_json=False),
    "doctor --fix --json": Doctor(fix=True, as_json=True),
    "wait ppo_v1 --timeout 1.5": Wait("ppo_v1", 1.5, as_json=False),
    "compare a b a --baseline idm --baseline pdm --data s --traffic replay": Compare(
        ("a", "b"), ("idm", "pdm"), "s", "replay", as_json=False
    ),
    "compare a idm --json": Compare(("a", "idm"), (), None, None, as_json=True),
    "diagnose ppo_v1": Diagnose("ppo_v1", as_json=False),
    "eval ppo_v1 --data sets/a --scenarios 12 --checkpoint last": Eval(
        "ppo_v1", "sets/a", 12, "last", as_json=False
    ),
    "data convert commonroad a.xml b --out c": DataConvert(
        "commonroad", ("a.xml", "b"), "c", as_json=False
    ),
    "data convert nuplan --db a.db b.db --maps m --out c --types x,y --per-type 9": DataConvert(
        "nuplan", ("a.db", "b.db"), "c", as_json=False, maps="m", types=("x", "y"), per_type=9
    ),
    "data convert nuplan --workers 2 d --out c --json": DataConvert(
        "nuplan", ("d",), "c", as_json=True, workers=2
    ),
    "data join sets/a sets/b --out c": DataJoin(("sets/a", "sets/b"), "c", as_json=False),
    "replay ppo_v1": Replay("ppo_v1", (), 3, None, None, as_json=False),
    "replay idm --scenario a/1 --scenario 2 --data sets/a --out drawn --json": Replay(
        "idm", ("a/1", "2"), 3, "sets/a", "drawn", as_json=True
    ),
    "data info sets/a": DataInfo("sets/a", as_json=False),
    "data info sets/a --sheet a.png": DataInfo("sets/a", as_json=False, sheet="a.png"),
    "data generate --out d --count 9 --seed 3": DataGenerate("d", 9, 3, as_json=False),
    "data demos --driver pdm --set s --out d --scenarios 9 --noise 0.2": DataDemos(
        "pdm", "d", as_json=False, scenarios="s", most=9, noise=0.2
    ),
    "install --agent claude": Install("claude", in_project=False, remove=False, as_json=False),
    "install --agent codex --project --remove --json": Install(
        "codex", in_project=True, remove=True, as_json=True
    ),
    "help ppo": Help("ppo", as_json=False),
    "": Help(None, as_json=False),
    "/train": Help(None, as_json=False),
    "ppo --run-id ppo_v1 --steps=10M --set ppo.gamma=0.98 --set seed=3 --config c --dry-run": (
        Start(
            Asked(
                "ppo",
                "c",
                (("run_id", "ppo_v1"), ("training.total_steps", "10M")),
                ("ppo.gamma=0.98", "seed=3"),
            ),
            dry_run=True,
            as_json=False,
        )
    ),
}


@pytest.mark.parametrize(("text", "command"), READ.items())
def test_text_is_read_as_the_command_it_means(text: str, command: object) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(("text", "command"), READ.items())
def test_a_list_of_arguments_means_the_same_as_text(text: str, command: object) -> None:
    words = re.findall(r"'[^']*'|\S+", text.removeprefix("/train"))
    assert parse(["/train", *(word.strip("'") for word in words)]) == command


@pytest.mark.parametrize(
    "text",
    [
        "/train ppo \u2014run-id \u201cppo_v1\u201d",
        "/train ppo \u2013\u2013run-id ppo_v1",
        "/train ppo --run-id\u00a0ppo_v1",
        "/train:train ppo --run-id \u2018ppo_v1\u2019",
        "PPO --run-id ppo_v1",
    ],
)
def test_what_a_chat_client_corrected_is_put_right(text: str) -> None:
    assert parse(text) == parse("ppo --run-id ppo_v1")


BAD = {
    "pop --run-id x": "`pop` is not an algorithm. Did you mean `ppo`?",
    "stauts": "`stauts` is not a verb. Did you mean `status`?",
    "status; touch X": "`status;` is not a verb. Did you mean `status`?",
    "`touch X`": "is not a verb",
    "$(touch X)": "is not a verb",
    "status $(touch X)": "`status` takes one run id and was given 2 words",
    "ppo `touch X`": "`ppo` takes options only",
    "ppo --run-id x; touch X": "`ppo` takes options only",
    "ppo --runid x": "Did you mean `--run-id`?",
    "ppo --run-id": "`--run-id` needs a value",
    "ppo --run-id --dry-run": "`--run-id` needs a value",
    "ppo --seed 1 --seed 2": "`--seed` is given twice",
    "ppo --dry-run=yes": "`--dry-run` takes no value",
    "logs": "`logs` takes one run id and was given none",
    "logs ../../etc/passwd": "cannot name a run",
    "logs a/b": "cannot name a run",
    "stop 'a b'": "cannot name a run",
    "wait ..": "cannot name a run",
    f"status {'a' * 300}": "cannot name a run",
    "logs x --tail 0": "`--tail` is `0`; it takes a number from 1 to 1,000.",
    "logs x --tail 2.5": "it takes a whole number",
    "logs x --tail many": "`--tail` is `many`",
    "wait x --timeout nan": "`--timeout` is `nan`",
    "stop x --grace -5": "`--grace` is `-5`",
    "resume": "`resume` takes one run id and was given none",
    "resume x --steps 2.5": "`--steps` is `2.5`; it is the new total, a whole number from 1 to",
    "resume x --steps 0": "`--steps` is `0`",
    "resume x --steps 1e99999999999999999999": "`--steps` is `1e9999",
    "resume x --steps lots": "`--steps` is `lots`",
    "doctor x": "`doctor` takes options only",
    "doctor --fix=yes": "`--fix` takes no value",
    "replay": "`replay` takes one run id and was given none",
    "replay x --worst 0": "`--worst` is `0`; it takes a number from 1 to 50.",
    "replay x --worst 3 --scenario y": "give one of them",
    "replay x --scenario ''": "`--scenario` is empty",
    "replay x --out ''": "`--out` is empty; it is the folder to draw into",
    "replay ../x": "cannot name a run",
    "eval x --checkpoint worst": "it is `best` or `last`",
    "data": "`data` knows `convert`, `join`, `info`, `generate` and `demos`",
    "compare": "`compare` takes two or more runs or baselines and was given none",
    "compare a a": "`compare` takes two or more runs or baselines and was given one",
    "compare idm": "and was given one. Try `/train compare idm --baseline pdm`.",
    "compare a ../idm": "cannot name a run",
    "compare a b --baseline pmd": "it is `log`, `pdm`, `idm`, `constant_velocity` or `random`",
    "compare a --baseline nobody": "`--baseline` is `nobody`",
    "compare a b --data ''": "`--data` is empty",
    "compare a b --traffic rush": "`--traffic` is `rush`; it is `idm`, `replay` or `mixed`",
    f"compare {' '.join(f'r{at}' for at in range(31))}": "was given 31 drivers; 30 are allowed",
    "diagnose": "`diagnose` takes one run id and was given none",
    "data convert": "`data convert` takes a format (`commonroad`, `argoverse` and `nuplan`)",
    "data convert nuscenes a --out b": "`data convert` takes a format (`commonroad`",
    "data convert nuplan a --out b --maps ''": "`--maps` is empty",
    "data convert nuplan a --out b --workers 0": "`--workers` is `0`",
    "data convert nuplan a --out b --seed 1": "`--seed` is not an option of `data convert`",
    "data join a --out b": "`data join` takes two sets or more",
    "data info a --sheet b.jpg": "`--sheet` is `b.jpg`; it is a `.png` file",
    "data info a --out b": "`--out` is not an option of `data info`",
    "data generate": "`data generate` needs `--out`",
    "data demos --driver me --out d": "`data demos` takes `--driver` (`log`, `pdm` and `idm`)",
    "data demos --driver pdm": "`data demos` takes `--driver`",
    "data demos --driver pdm --out d --noise 2": "`--noise` is `2`",
    "status 'x": "a quote or a backslash is left open",
    "x" * 30_000: "20,000 are allowed",
}


@pytest.mark.parametrize(("text", "words"), BAD.items(), ids=lambda text: text[:40])
def test_what_means_nothing_is_refused_with_what_would(text: str, words: str) -> None:
    with pytest.raises(RequestError) as refusal:
        parse(text)
    assert words in str(refusal.value)
    assert len(str(refusal.value)) < 600


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:40])
def test_every_refusal_ends_in_a_command_that_can_be_typed(text: str) -> None:
    with pytest.raises(RequestError) as refusal:
        parse(text)
    (suggested,) = re.findall(r"Try `(/train [^`]*)`\.$", str(refusal.value))
    parse(suggested)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_command_or_a_user_error(text: str) -> None:
    _read(text)


WORDS = [
    *(
        "status",
        "logs",
        "stop",
        "wait",
        "eval",
        "compare",
        "data",
        "help",
        "ppo",
        "sac",
        "/train",
    ),
    *(
        "--json",
        "--tail",
        "--set",
        "--run-id",
        "--",
        "-",
        "--=",
        "=",
        "\u2014run-id",
        "convert",
    ),
    *(
        "'",
        '"',
        "\\",
        ";",
        "`x`",
        "$(x)",
        "\0",
        "\x1b[2J",
        "\ud800",
        "-1",
        "nan",
        "1e999",
        "..",
    ),
]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=6))
def test_any_words_are_a_command_or_a_user_error(words: list[str]) -> None:
    _read(" ".join(words))
    _read(words)


def _read(words: str | list[str]) -> None:
    try:
        parse(words)
    except UserError as error:
        refusal = error
    else:
        return
    assert refusal.exit_code == 2
    assert str(refusal).isprintable()


@pytest.mark.parametrize("verb", [*SERVING, *starting()], ids=lambda verb: verb.name)
def test_the_example_of_every_verb_is_a_command(verb: Verb) -> None:
    parse(f"/train {verb.example}")
