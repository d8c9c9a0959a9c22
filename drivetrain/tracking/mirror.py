"""The MLflow run that mirrors a run, drawn from `events.jsonl`, which is the truth.

Telling MLflow twice changes nothing: a point of a curve is itself (name, value, moment, step),
and the ledger moves on only after MLflow has taken what it counts.  Whoever finds MLflow behind
can therefore replay the gap: the trainer while it trains, the closer after it.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import AttemptFolder, RunFolder
from drivetrain.runs.look import Asked, read_request
from drivetrain.runs.record import How, Verdict
from drivetrain.tracking.entries import Number, entries_of, judgement_of, params_of
from drivetrain.tracking.ledger import Closed, Ledger, held_ledger, read_ledger, write_ledger
from drivetrain.tracking.store import Store, open_store, refuse_unusable, store_uri

CHUNK_BYTES = 64 * 1024
"""Of one portion: a fifth of a second of one core for MLflow."""

MOST_METRICS = 1000
MOST_PARAMS = 100
"""What one call of MLflow takes (mlflow.utils.validation)."""

END_TAGS = frozenset({"how", "reason", "detail", "step"})
STATUS: dict[How, str] = {
    "succeeded": "FINISHED",
    "stopped": "KILLED",
    "interrupted": "KILLED",
    "failed": "FAILED",
    "lost": "FAILED",
}


class Mirror:
    """One run's MLflow run.  After an error take a new mirror: the store may be another."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._store: Store | None = None

    def go_on(self, attempt: int) -> None:
        """Show the run as running: it is in this attempt now.

        Raises:
            Exception: whatever MLflow, SQLite or the disk have to say.
        """
        with held_ledger(self._folder):
            store, ledger = self._opened()
            store.client.update_run(ledger.run_id, status="RUNNING")
            self._forget_end(store, ledger)
            self._tag(store, ledger, {"attempt": str(attempt)})
            write_ledger(self._folder, replace(ledger, closed=None))

    def catch_up(self, portions: int | None = None) -> None:
        """Tell MLflow the whole lines that are news to it: so many portions, or all.

        Raises:
            Exception: whatever MLflow, SQLite or the disk have to say.
        """
        with held_ledger(self._folder):
            self._catch_up(portions)

    def close(self) -> None:
        """Catch up and give the MLflow run the end of the last attempt, if that has ended.

        Raises:
            Exception: whatever MLflow, SQLite or the disk have to say.
        """
        with held_ledger(self._folder):
            attempt = self._folder.last_attempt()
            verdict = None if attempt is None else Verdict.parse(read_json(attempt.exit) or {})
            if attempt is None or verdict is None:
                return  # it goes on, and its trainer mirrors it
            closed = Closed(attempt.number, verdict.how, verdict.reason)
            if not self._is_told(closed):
                store, ledger = self._catch_up()
                self._end(store, ledger, attempt, verdict)
                write_ledger(self._folder, replace(ledger, closed=closed))

    def _is_told(self, closed: Closed) -> bool:
        ledger = read_ledger(self._folder)
        return (
            ledger is not None
            and ledger.closed == closed
            and not any(new_lines(self._folder, ledger.offset))
        )

    def _catch_up(self, portions: int | None = None) -> tuple[Store, Ledger]:
        store, ledger = self._opened()
        for lines, offset in islice(new_lines(self._folder, ledger.offset), portions):
            entries = entries_of(lines)
            self._draw(store, ledger, entries.numbers)
            self._tag(store, ledger, entries.tags)
            ledger = replace(ledger, offset=offset)
            write_ledger(self._folder, ledger)
        return store, ledger

    def _end(
        self, store: Store, ledger: Ledger, attempt: AttemptFolder, verdict: Verdict
    ) -> None:
        evaluation = self._folder.evaluation
        if (judged := read_json(evaluation)) is not None:
            at_ms = round(evaluation.stat().st_mtime * 1000)
            self._draw(store, ledger, judgement_of(judged, at_ms))
        facts: dict[str, Any] = {
            "attempt": attempt.number,
            "how": verdict.how,
            "reason": verdict.reason,
            "detail": verdict.detail,
            "step": verdict.step,
        }
        self._forget_end(store, ledger)
        self._tag(store, ledger, {name: str(fact) for name, fact in facts.items() if fact})
        at_ms = round(attempt.exit.stat().st_mtime * 1000)
        store.client.set_terminated(ledger.run_id, STATUS[verdict.how], at_ms)

    def _forget_end(self, store: Store, ledger: Ledger) -> None:
        """An earlier attempt's end is not the run's any more."""
        for name in store.client.get_run(ledger.run_id).data.tags.keys() & END_TAGS:
            store.client.delete_tag(ledger.run_id, name)

    def _opened(self) -> tuple[Store, Ledger]:
        """The store, found usable at this moment, and the ledger of a run that is in it."""
        store = self._store
        if store is None:
            store = open_store(self._folder.home)
            ledger = self._known(store)
        else:
            refuse_unusable(self._folder.home)
            ledger = read_ledger(self._folder)
        if ledger is None:
            ledger = self._found_or_made(store)
        self._store = store
        return store, ledger

    def _known(self, store: Store) -> Ledger | None:
        """The ledger, unless MLflow knows nothing of its run: somebody deleted the store."""
        from mlflow.exceptions import MlflowException

        ledger = read_ledger(self._folder)
        if ledger is None:
            return None
        try:
            store.client.get_run(ledger.run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return ledger

    def _found_or_made(self, store: Store) -> Ledger:
        """A new ledger for the run, which whoever died before writing one may have made."""
        asked = read_request(self._folder)
        if asked is None:
            raise ValueError(f"{self._folder.request} cannot be read")
        tags = self._tags(asked)
        own = " and ".join(f"tags.{name} = '{tags[name]}'" for name in ("run", "asked_at"))
        runs = store.client.search_runs([store.experiment_id], own, max_results=1)
        run = runs[0] if runs else self._made(store, asked, tags)
        run_id = run.info.run_id
        self._list_params(store, run_id, params_of(asked.request))
        ledger = Ledger(run_id, store.experiment_id, store_uri(self._folder.home))
        write_ledger(self._folder, ledger)
        return ledger

    def _made(self, store: Store, asked: Asked, tags: dict[str, str]) -> Any:
        return store.client.create_run(
            store.experiment_id,
            start_time=round(self._began(asked) * 1000),
            tags=tags,
            run_name=self._folder.id,
        )

    def _tags(self, asked: Asked) -> dict[str, str]:
        source = read_json(self._folder.source) or {}
        tags = {
            "run": self._folder.id,
            "algorithm": asked.algorithm,
            "digest": asked.digest,
            # Tells it from an earlier run of the same name whose folder somebody deleted.
            "asked_at": repr(asked.created),
            "mlflow.source.git.commit": source.get("commit"),
        }
        return {name: tag for name, tag in tags.items() if tag}

    def _began(self, asked: Asked) -> float:
        """When it first ran, or was asked for where it never did; wall clock, s."""
        first = self._folder.attempt(1).proc
        return first.stat().st_mtime if first.exists() else asked.created

    def _list_params(self, store: Store, run_id: str, params: dict[str, str]) -> None:
        from mlflow.entities import Param

        listed = [Param(name, value) for name, value in params.items()]
        for at in range(0, len(listed), MOST_PARAMS):
            store.client.log_batch(run_id, params=listed[at : at + MOST_PARAMS])

    def _draw(self, store: Store, ledger: Ledger, numbers: list[Number]) -> None:
        from mlflow.entities import Metric

        points = [Metric(at.name, at.value, at.at_ms, at.step) for at in numbers]
        for at in range(0, len(points), MOST_METRICS):
            store.client.log_batch(ledger.run_id, metrics=points[at : at + MOST_METRICS])

    def _tag(self, store: Store, ledger: Ledger, tags: dict[str, str]) -> None:
        from mlflow.entities import RunTag

        if tags:
            listed = [RunTag(name, value) for name, value in tags.items()]
            store.client.log_batch(ledger.run_id, tags=listed)


def new_lines(folder: RunFolder, offset: int) -> Iterator[tuple[list[bytes], int]]:
    """Whole lines of the events from an offset on, and the offset behind them, in portions.

    Where the file is shorter than the offset it is another one, and is read from its start.
    """
    try:
        with folder.events.open("rb") as file:
            offset = file.seek(offset if offset <= file.seek(0, 2) else 0)
            while end := (portion := file.read(CHUNK_BYTES)).rfind(b"\n") + 1:
                offset = file.seek(offset + end)
                yield portion[:end].splitlines(), offset
    except FileNotFoundError:
        return
