"""Config file, options and `--set` values → one validated request.

Later wins: defaults < config file < options and `--set` (which may not name the same value).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from drivetrain.errors import NotFoundError, RequestError
from drivetrain.settings import BUILT_IN_CONFIGS
from drivetrain.text import listing, nearest, quote
from trainers.asked import Asked
from trainers.fields import fields_of, sections_of
from trainers.problems import Origin, Problem, refuse, value_problems
from trainers.requests import REQUESTS
from trainers.train_request import TrainRequest
from trainers.yaml_text import YamlError, parse_yaml

LARGEST_CONFIG = 256 * 1024
_PATH_FIELDS = ("data", "init_from", "expert_data")

Values = dict[str, Any]


def resolve(asked: Asked) -> TrainRequest:
    """The one request that config, options and `--set` values stand for.

    Raises:
        RequestError: something in them is unknown, mistyped or out of range; all at once.
        NotFoundError: there is no such config.
    """
    model = REQUESTS[asked.algorithm]
    values = {} if asked.config is None else read_config(asked.config)
    origin = Origin(asked.algorithm, asked.config)
    problems = _algorithm_problems(values, asked)
    for path, text in asked.options:
        origin.add_option(path, fields_of(model)[path].flag or path, text)
        _place(values, path, text)
    for path, value in _read_sets(asked, model, origin, problems):
        _place(values, path, value)
    try:
        request = model.model_validate(values)
    except ValidationError as error:
        refuse([*problems, *value_problems(error, model, origin)], origin)
    if problems:
        refuse(problems, origin)
    return with_whole_paths(request)


def read_config(name: str) -> Values:
    """The plain values of a config file.

    Raises:
        NotFoundError: it is neither a file nor the name of a built-in config.
        RequestError: it is no YAML mapping that a config may be.
    """
    path = find_config(name)
    try:
        values = parse_yaml(_read_text(path, name))
    except YamlError as error:
        raise RequestError(
            f"The config {quote(name)} cannot be used: {error}. "
            "Correct it, or try `/train ppo --config ppo --dry-run`."
        ) from None
    if not isinstance(values, dict):
        raise RequestError(
            f"The config {quote(name)} holds no settings; it is a mapping such as "
            "`ppo: {gamma: 0.99}`. Try `/train ppo --config ppo --dry-run`."
        )
    return values


def find_config(name: str) -> Path:
    """The file as given, else the built-in config of that name, with or without `.yaml`.

    Raises:
        NotFoundError: there is none.
    """
    given = Path(name)
    # `configs/planning/ppo.yaml` is also found from a folder other than the checkout.
    built_in = given.name if given.parent in (Path(), Path("configs/planning")) else ""
    names = [BUILT_IN_CONFIGS / built_in, BUILT_IN_CONFIGS / f"{built_in}.yaml"]
    for path in [given, *(names if built_in else [])]:
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):
            # Too long for a path, or not a path at all: as good as absent.
            continue
    known = sorted(path.stem for path in BUILT_IN_CONFIGS.glob("*.yaml"))
    guess = nearest(given.stem, known, cutoff=0.0) or "ppo"
    raise NotFoundError(
        f"There is no config {quote(name)}: it is a YAML file, or a built-in config "
        f"({listing(known)}). Try `/train {guess} --config {guess}`."
    )


def as_yaml(request: TrainRequest) -> str:
    """The request at rest: a config that resolves to the same request again."""
    values = request.model_dump(mode="json")
    ordered = {"algorithm": values.pop("algorithm"), **values}
    return yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True)


def _read_text(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_CONFIG + 1)
    except OSError as error:
        raise NotFoundError(
            f"The config {quote(name)} cannot be read: {error.strerror}. "
            "Try `/train ppo --config ppo`."
        ) from None
    if len(content) > LARGEST_CONFIG:
        raise YamlError(f"it is larger than {LARGEST_CONFIG // 1024} KB, as no config is")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise YamlError("it is not text in UTF-8") from None


def _algorithm_problems(values: Values, asked: Asked) -> list[Problem]:
    """Makes `algorithm: ppo` the `PPO` of the model; another algorithm is a problem."""
    stated = values.get("algorithm")
    if not isinstance(stated, str):
        return []
    if stated.lower() == asked.algorithm:
        values["algorithm"] = stated.upper()
        return []
    del values["algorithm"]
    return [
        Problem(
            "algorithm",
            f"`algorithm` is {quote(stated)} in {quote(asked.config or '')}; "
            f"under `/train {asked.algorithm}` it is `{asked.algorithm.upper()}`",
            fix="`algorithm`",
        )
    ]


def _read_sets(
    asked: Asked, model: type[TrainRequest], origin: Origin, problems: list[Problem]
) -> Iterable[tuple[str, object]]:
    """The (path, value) pairs of `--set`; what is no such pair becomes a problem."""
    taken = {path: fields_of(model)[path].flag for path, _ in asked.options}
    for text in asked.sets:
        path, joined, value = text.partition("=")
        path = path.strip()
        problem = _path_problem(path, text, model) if joined else _no_pair(text)
        if problem is None and path in taken:
            flag = taken[path]
            how = f"by both `{flag}` and `--set`" if flag else "twice"
            problem = Problem(
                path,
                f"`{path}` is set {how}; set it once",
                try_set=text,
            )
        taken[path] = taken.get(path)
        if problem is not None:
            problems.append(problem)
            continue
        origin.add_set(path, value)
        yield path, _set_value(path, value, model)


def _no_pair(text: str) -> Problem:
    return Problem(
        text,
        f"`--set` takes `path=value`, and was given {quote(text)}",
        try_set="ppo.gamma=0.99",
    )


def _path_problem(path: str, text: str, model: type[TrainRequest]) -> Problem | None:
    fields, sections = fields_of(model), sections_of(model)
    if path in fields:
        return None
    if path in sections and path:
        inside = [f"{path}.{name}" for name in sections[path]]
        return Problem(path, f"`{path}` is a section; set one of {listing(inside)}")
    # `gamma` alone is most likely the `ppo.gamma` of that name.
    by_name = {facts.name: facts.path for facts in fields.values()}
    guess = by_name.get(path) or nearest(path, fields)
    hint = f"; did you mean `{guess}`?" if guess else "; `/train help ppo` lists all"
    return Problem(
        path,
        f"{quote(path)} is not a setting{hint}",
        try_set=f"{guess}={text.partition('=')[2]}" if guess else None,
    )


def _set_value(path: str, text: str, model: type[TrainRequest]) -> object:
    """The text, for the model to type; lists and null have no other way in than YAML."""
    if text.strip() in ("null", "~"):
        return None
    if path == "algorithm":
        return text.upper()
    if fields_of(model)[path].allowed.startswith("a list"):
        try:
            return parse_yaml(text)
        except YamlError:
            return text
    return text


def _place(values: Values, path: str, value: object) -> None:
    """Put the value where the path says; a section that is no mapping is left to the model."""
    *sections, name = path.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            return
        values = inner
    values[name] = value


def with_whole_paths(request: TrainRequest) -> TrainRequest:
    """The run is elsewhere than its caller: its paths must not depend on the folder."""
    paths: Mapping[str, Path | None] = {
        name: getattr(request, name)
        for name in _PATH_FIELDS
        if name in type(request).model_fields
    }
    whole = {name: _whole(path) for name, path in paths.items() if path is not None}
    return request.model_copy(update=whole)


def _whole(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        # `~nobody`: a folder of that very name, then.
        return path.absolute()
