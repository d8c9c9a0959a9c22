"""The contracts of the tools that start runs: one for each algorithm, made of its request."""

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema, create_model

from drivetrain.numbers import whole_count
from drivetrain.options import Option
from skill.grammar import Verb
from skill.tools.contract import Contract, Flag
from skill.verbs import starting
from trainers.asked import CONFIG, DRY_RUN, SET
from trainers.fields import FieldFacts, fields_of, typed
from trainers.requests import REQUESTS

BESIDE: Final = {
    "bc": 'Needs demonstrations: `data` of `train_data`. Example: {"data": "demos/pdm"}.',
    "gail": 'Needs demonstrations. Example: {"expert_data": "demos/pdm", "run_id": "gail_v1"}.',
    "hybrid": 'Imitates `data` first. Example: {"mode": "finetune", "run_id": "hybrid_v1"}.',
}
"""What else to know of algorithms that imitate."""


class StartCall(Contract):
    """Start a run; what it takes is added for each algorithm."""


def start_contracts() -> dict[str, type[Contract]]:
    """The contract of each algorithm's tool, by its verb."""
    return {verb.name: _contract(verb) for verb in starting()}


def _contract(verb: Verb) -> type[Contract]:
    facts = {each.flag: each for each in fields_of(REQUESTS[verb.name]).values()}
    fields: dict[str, Any] = {
        _name(option): _field(verb, option, facts.get(option.flag))
        for option in verb.options
        if option in (CONFIG, SET, DRY_RUN) or _has_a_choice(facts.get(option.flag))
    }
    model = create_model(f"{verb.name.upper()}Call", __base__=StartCall, **fields)
    model.__doc__ = _description(verb)
    return model


def _has_a_choice(facts: FieldFacts | None) -> bool:
    return facts is not None and "const" not in facts.limits


def _name(option: Option) -> str:
    return option.flag.removeprefix("--").replace("-", "_")


def _field(verb: Verb, option: Option, facts: FieldFacts | None) -> Any:
    flag = Flag(verb, option.flag)
    if option.repeats:
        return (Annotated[tuple[str, ...], flag, Field(max_length=50)], ())
    if option.value is None:
        return (Annotated[bool, flag], False)
    told = _told(facts) if facts else {"type": "string"}
    read = BeforeValidator(_counted if told["type"] == "integer" else _as_text)
    return (Annotated[int | str | None, read, WithJsonSchema(told), flag], None)


def _told(facts: FieldFacts) -> dict[str, Any]:
    """What a value may be. Not its default: who repeats that overrules the config."""
    kept = ("type", "minimum", "maximum", "enum")
    return {word: facts.limits[word] for word in kept if word in facts.limits}


def _counted(value: object) -> object:
    """`20M` as a number; what is none is left for the request, which says what would be."""
    count = whole_count(value) if isinstance(value, str) else None
    return value if count is None else count


def _as_text(value: object) -> object:
    return typed(value) if isinstance(value, int | float) else value


def _description(verb: Verb) -> str:
    beside = BESIDE.get(verb.name, f'Example: {{"run_id": "{verb.name}_v1"}}.')
    return (
        f"{verb.summary}\n\n"
        "Use when the person wants such a run; it starts or queues in the background and "
        "answers at once. The same call again is the same run. Not to go on with one: "
        f"`train_resume`. {beside} Other settings go into `set`, as "
        '`["training.eval_every=100000"]`; `dry_run` shows all and starts nothing. '
        "Next: report the run id, and end the turn."
    )
