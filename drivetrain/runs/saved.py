"""How far a run could go on from."""

from drivetrain.runs.folder import RunFolder


def newest_step(folder: RunFolder) -> int | None:
    """Step of the newest whole saved state, told by sizes alone; None where there is none."""
    from drivetrain.checkpoint_units import newest  # hashlib: most looks need no unit

    unit = newest(folder.units)
    return None if unit is None else unit.step
