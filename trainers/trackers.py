"""Where learning curves go: a TensorBoard folder per run."""

from pathlib import Path

from stable_baselines3.common.logger import TensorBoardOutputFormat


class TensorBoard:
    """The one writer of a run's TensorBoard folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.output = TensorBoardOutputFormat(str(folder))

    def close(self) -> None:
        """Write what is buffered and close the file."""
        self.output.close()
