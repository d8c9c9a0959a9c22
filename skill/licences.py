"""Under which licences a scenario set, or demonstrations, came."""

from pathlib import Path

from drivetrain.errors import NotFoundError


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
