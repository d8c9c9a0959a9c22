"""Which scenario set a run drives in, and under which licences it came."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drivetrain.errors import NotFoundError
from skill.table import untrusted


def course_of(request: Mapping[str, Any]) -> str | None:
    """The set that a request drives in; where it names none, that of its demonstrations."""
    data = request.get("data") or request.get("expert_data")
    return None if data is None else str(data)


def licences_of(data: str | None) -> tuple[str, ...]:
    """What the data say of themselves; what is gone says nothing."""
    if data is None:
        return ()
    # NumPy comes with it, which a run on built-in scenarios need not wait for.
    from drivetrain.data.demonstrations import are_demonstrations, read_demonstration_manifest
    from drivetrain.data.integrity import read_manifest

    try:
        if are_demonstrations(Path(data)):
            return tuple(read_demonstration_manifest(Path(data)).licences)
        return tuple(read_manifest(Path(data)).licences)
    except NotFoundError:
        return ()


def data_words(data: str | None, licences: Sequence[str]) -> str:
    """The scenario set that a request names, and under which licences it came."""
    if data is None:
        return "built-in generated scenarios"
    return f"{untrusted(data, 200)}, licence {listed(licences)}"


def listed(licences: Sequence[str]) -> str:
    """Licences as words of other people, who wrote them into their files."""
    return ", ".join(untrusted(str(name), 60) for name in licences) or "unknown"
