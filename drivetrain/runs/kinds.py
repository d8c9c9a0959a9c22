"""Whether what a file held is of the kinds that a record's fields name."""

from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict


def is_sound(record: object) -> bool:
    """Whether every field holds what it says; a damaged or a foreign file may hold anything."""
    kind: Any = type(record)
    return all(fits(getattr(record, name), each) for name, each in _kinds(kind).items())


def fits(value: object, kind: Any) -> bool:
    """Whether a value is of a kind: one of those that the fields of records have.

    A dictionary may hold more than its kind names, and less.
    """
    origin, choices = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(fits(value, each) for each in choices)
    if origin is Literal:
        return value in choices
    if origin in (tuple, list):  # of any length, all of one kind
        return isinstance(value, origin) and all(fits(each, choices[0]) for each in value)
    if origin is dict or is_typeddict(kind):
        return isinstance(value, dict) and _fits_by_name(value, kind)
    return _fits_plain(value, kind)


def _fits_by_name(named: dict[Any, object], kind: Any) -> bool:
    if is_typeddict(kind):
        kinds = _kinds(kind)
        return all(fits(named[name], kinds[name]) for name in kinds if name in named)
    return all(fits(each, get_args(kind)[1]) for each in named.values())


def _fits_plain(value: object, kind: Any) -> bool:
    if not isinstance(value, int | float if kind is float else kind):
        return False
    # True is an int to Python, and no number to anybody.
    is_number = not isinstance(value, bool) or kind is bool
    return is_number and (not is_dataclass(kind) or is_sound(value))


@cache
def _kinds(record: type) -> dict[str, Any]:
    return get_type_hints(record)
