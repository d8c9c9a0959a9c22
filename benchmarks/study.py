"""`python -m benchmarks.study FOLDER --home DIR`: one question, answered by runs.

FOLDER holds `study.yaml`: the sets to make, the runs to train with each seed, and where all of
them are judged. Everything goes through `bin/train`, as a person would do it, so that whatever
ends the study, the same command goes on with it. Tables and curves are written into
FOLDER/results.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from benchmarks.study_curves import draw_curves

TRAIN = Path(__file__).parents[1] / "bin" / "train"
FOREVER_S = 2_592_000


class Planned(BaseModel):
    """What is trained with every seed.  words: after `/train`, before seed and run id."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str
    words: str


class Study(BaseModel):
    """A study at rest.

    sets: the words that make each scenario set, after `data` and before `--out`, in order.
    In them, {sets} is the folder of sets and {sources} that of the recordings.
    train: the set that all learn on.  judge: those they are judged on.  options: of every run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    question: str
    sets: dict[str, str]
    train: str
    judge: tuple[str, ...]
    runs: dict[str, Planned]
    options: str
    seeds: tuple[int, ...]
    baselines: tuple[str, ...]


class Bench:
    """A study under way: its folder, and the home of its runs and sets."""

    def __init__(self, folder: Path, home: Path, sources: Path) -> None:
        self.study = Study.model_validate(yaml.safe_load((folder / "study.yaml").read_text()))
        self.folder = folder.resolve()
        self.home = home.resolve()
        self.sources = sources.resolve()
        self.sets = self.home / "sets"
        self.results = self.folder / "results"

    def train(self, *words: str) -> str:
        """What `bin/train` answers; its errors end the study."""
        environment = os.environ | {"DRIVETRAIN_HOME": str(self.home)}
        done = subprocess.run(
            [TRAIN, *words],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"`train {' '.join(words)}` ended with {done.returncode}.")
        return done.stdout

    def asked(self, planned: Planned) -> list[str]:
        """What is asked for with every seed."""
        return [*planned.words.split(), *self.study.options.split()]

    def making(self, name: str) -> list[str]:
        """The words that make a set."""
        places = {"sets": self.sets, "sources": self.sources}
        words = [word.format(**places) for word in self.study.sets[name].split()]
        return ["data", *words, "--out", str(self.sets / name)]

    def make_sets(self) -> None:
        """Every set that is not there yet."""
        for name in self.study.sets:
            if not (self.sets / name).exists():
                self.train(*self.making(name))

    def start(self) -> list[str]:
        """Every run with every seed, seed by seed; those that were started before stay."""
        started, data = [], str(self.sets / self.study.train)
        for seed in self.study.seeds:
            for name, planned in self.study.runs.items():
                run = f"{name}_{seed}"
                asked = [*self.asked(planned), "--data", data, "--seed", str(seed)]
                self.train(*asked, "--run-id", run)
                started.append(run)
        return started

    def finish(self, runs: Sequence[str]) -> None:
        """Wait for all of them; those that were interrupted go on."""
        for run in runs:
            state = self.state(run)
            if state not in ("succeeded", "queued", "running", "starting"):
                self.train("resume", run)
            self.train("wait", run, "--timeout", str(FOREVER_S))

    def state(self, run: str) -> str:
        """How a run stands, in a word."""
        return str(json.loads(self.train("status", run, "--json"))["state"])

    def judge(self, runs: Sequence[str]) -> None:
        """All of them on the held-out part of each set: a page, and its numbers."""
        self.results.mkdir(exist_ok=True)
        for name in self.study.judge:
            asked = ["compare", *runs, "--data", str(self.sets / name)]
            asked += [word for one in self.study.baselines for word in ("--baseline", one)]
            (self.results / f"{name}.md").write_text(self._placeless(self.train(*asked)))
            facts = _lean(json.loads(self._placeless(self.train(*asked, "--json"))))
            (self.results / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")

    def _placeless(self, told: str) -> str:
        """Sets by their names, wherever the study has put them."""
        return told.replace(f"{self.sets}/", "")

    def draw(self) -> Path:
        """The learning curves as a picture."""
        folders = {
            planned.title: [self.home / "runs" / f"{name}_{seed}" for seed in self.study.seeds]
            for name, planned in self.study.runs.items()
        }
        data, picture = self.sets / self.study.train, self.results / "curves.png"
        return draw_curves(folders, data, self.study.baselines, picture)


def _lean(facts: dict[str, Any]) -> dict[str, Any]:
    """Without what is a matter of the machine."""
    return {name: value for name, value in facts.items() if name != "stored"}


def main(arguments: Sequence[str]) -> int:
    """Make, train, judge, draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, required=True, help="where runs and sets are kept")
    parser.add_argument(
        "--sources", type=Path, default=Path("../shared/data"), help="folder of recordings"
    )
    asked = parser.parse_args(arguments)
    bench = Bench(asked.folder, asked.home, asked.sources)
    bench.make_sets()
    runs = bench.start()
    bench.finish(runs)
    bench.judge(runs)
    print(bench.draw())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
