"""MLflow while a study runs: a process beside it that reads what cells leave and lets their runs grow.

No training knows of it or waits for it. It is the last to get the processor, takes turns with others that write to the
database, and whatever goes wrong in it is a line of its log: rule `track` writes all runs from the result files anyway.
"""

import json
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from lolameme.base.files import Damaged, read_json
from lolameme.base.interruption import ignore
from lolameme.runtime import progress
from lolameme.study import config
from lolameme.study.cell import Cell, unlike

PERIOD = 3.0  # seconds between two looks
_SHOWN = {"exact_match": "valid.exact_match", "loss": "valid.loss", "tokens_per_second": "tokens_per_second"}


def start(data: dict[str, Any], uri: str, log: Path) -> None:
    """Start the process for the study of a configuration, given as plain data; it ends when this process does."""
    until, _ = os.pipe()  # whose other end closes with this process
    # -P: what lies in the folder of the project, such as a random.py, is no module
    command = [sys.executable, "-P", "-m", "lolameme.runtime.live", json.dumps(data), uri]
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(until) as stdin, log.open("w") as said:
            subprocess.Popen(command, stdin=stdin, stdout=said, stderr=said)
    except OSError as error:
        print(f"MLflow will show cells at the end only: {error}", file=sys.stderr)


class Live:
    """The runs of a study's trainings, at every look as far as they are."""

    def __init__(self, study: config.Study, uri: str):
        from lolameme.tracking import store  # MLflow takes seconds to load

        self.study, self.uri, self.store = study, uri, store
        self.open: dict[str, tuple[str, int]] = {}  # by training: its run, and the last step that this shows
        self.done: dict[str, int] = {}  # by cell: when the metrics were written that were looked at

    def look(self) -> None:
        """Show what is new. Raises what MLflow and damaged files raise."""
        path = self.store.database(self.uri)
        if path is not None and not path.exists():  # rule `database` makes it
            return
        finished, running = self.finished(), self.running()
        if not finished and not running:
            return
        try:
            self.show(finished, running)
        except BaseException:
            for cell, _ in finished:  # the next look tries again
                self.done.pop(str(cell), None)
            raise

    def show(self, finished: list[tuple[Cell, Path]], running: list[dict[str, Any]]) -> None:
        """Write the final runs of cells, and what running trainings have got to."""
        from lolameme.tracking.runs import Tracker

        with self.store.opened(self.uri, quietly=True) as client:
            tracker = Tracker(self.study, self.uri, [(vars(cell), folder) for cell, folder in finished])
            tracker.use(client)
            for cell, folder in finished:
                with suppress(Damaged):  # as below: one bad cell does not hide the others
                    tracker.cell(self.experiment(tracker, cell.variant), str(cell), folder)
                self.open.pop(str(cell), None)
            for state in running:
                self.grow(tracker, state)

    def experiment(self, tracker, variant: str) -> str:
        return tracker.experiment(variant, self.study.variants[variant].about)

    def finished(self) -> list[tuple[Cell, Path]]:
        """The cells that are trained and evaluated since the last look, with their folders."""
        found = []
        for identity in self.study.cells:
            cell, folder = Cell(*identity), self.study.paths.cell(*identity)
            try:
                trained, written = ((folder / file).stat().st_mtime_ns for file in ("model.json", "metrics.json"))
            except OSError:
                continue
            if written <= trained or self.done.get(str(cell)) == written:  # of the training before; shown
                continue
            self.done[str(cell)] = written
            with suppress(Damaged, OSError):  # rule `track` says so
                if unlike(self.study, read_json(folder / "model.json")) is None:
                    found.append((cell, folder))
        return found

    def running(self) -> list[dict[str, Any]]:
        """The trainings that have got further since the last look."""
        folder = self.study.paths.progress
        try:
            states = progress.overview(folder).running
        except (Damaged, OSError):
            return []
        return [state for state in states if self.open.get(state["cell"], ("", -1))[1] < state["step"]]

    def grow(self, tracker, state: dict[str, Any]) -> None:
        """Add to the open run of a training what its progress file says; a trial's is among the sweeps."""
        from mlflow.entities import Metric

        name = state["cell"]
        variant, architecture, which = name.split("/")
        if name not in self.open:
            if progress.is_cell(name):
                experiment, identity = self.experiment(tracker, variant), f"{self.study.study}/{name}"
            else:
                experiment, identity = tracker.sweeps(name)
            tags = tracker.tags(identity, "", architecture) | {"variant": variant}
            self.open[name] = tracker.open(experiment, identity, f"{architecture} {which}", tags), -1
        run, _ = self.open[name]
        now = round(state["at"] * 1000)
        tracker.client.log_batch(run, [Metric(shown, state[key], now, state["step"]) for key, shown in _SHOWN.items()])
        self.open[name] = run, state["step"]

    def end(self) -> None:
        """Mark the runs of trainings that were ended with the study."""
        with self.store.opened(self.uri, quietly=True) as client:
            for run, _ in self.open.values():
                info = client.get_run(run).info
                if (info.status, info.lifecycle_stage) == ("RUNNING", "active"):  # else the final run took its place
                    client.set_terminated(run, "KILLED")


def main(data: str, uri: str) -> None:
    """Look until stdin ends, and once more: a study that failed leaves no other word of its last cells."""
    ignore()  # whoever asks a group of processes to end means the study
    os.nice(19)
    live, said = Live(config.parse(json.loads(data)), uri), ""
    while not select.select([sys.stdin], [], [], PERIOD)[0]:
        said = attempt(live.look, said)
    said = attempt(live.look, said)
    if live.open:
        attempt(live.end, said)


def attempt(what, said: str) -> str:
    """Do it; what goes wrong becomes a line, once. Returns the last line."""
    try:
        what()
    except Exception as error:
        line = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        if line != said:
            print(time.strftime("%H:%M:%S"), line, flush=True)
        return line
    return said


if __name__ == "__main__":
    main(*sys.argv[1:])
