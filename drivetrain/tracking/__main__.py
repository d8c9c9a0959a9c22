"""`python -m drivetrain.tracking close RUN`: MLflow is told how a run ended.

Whatever the trainer could not tell MLflow is told first.  Once told, it has nothing to do.
"""

import sys
import time
from pathlib import Path

from drivetrain.runs.folder import RunFolder
from drivetrain.tracking.mirror import Mirror
from drivetrain.tracking.store import first_line

PAUSES_S = (1.0, 4.0, 16.0)
"""Between tries: another's long transaction passes, a damaged store does not."""


def close(path: Path) -> int:
    """Bring the MLflow run of a folder to its end; returns the exit code."""
    folder = RunFolder.at(path)
    for pause_s in (*PAUSES_S, None):
        try:
            Mirror(folder).close()
        except Exception as error:  # noqa: BLE001 - nobody above could do more about it
            if pause_s is None:
                sys.stderr.write(
                    f"MLflow was not told how `{folder.id}` ended: {first_line(error)}\n"
                )
                return 1
            time.sleep(pause_s)
        else:
            break
    return 0


if __name__ == "__main__":
    _, verb, where = sys.argv
    if verb != "close":
        sys.exit(f"`{verb}` is no step of tracking; there is `close RUN`.")
    sys.exit(close(Path(where)))
