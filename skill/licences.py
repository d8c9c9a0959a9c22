"""Under which licences a scenario set came."""

from pathlib import Path

from drivetrain.errors import NotFoundError


def licences_of(data: str | None) -> tuple[str, ...]:
    """What the scenario set says of itself; a set that is gone says nothing."""
    if data is None:
        return ()
    # NumPy comes with it, which a run on built-in scenarios need not wait for.
    from drivetrain.data.integrity import read_manifest

    try:
        return tuple(read_manifest(Path(data)).licences)
    except NotFoundError:
        return ()
