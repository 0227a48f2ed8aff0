"""Progress: which cell runs, how well it does, and when it and the study will be done.

Every cell leaves its latest progress in a small file, so that cells in different processes, or on different machines,
see each other through the file system alone; `plan.json` beside them lists the steps of all cells and trials, and the
analyses of every cell.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lolameme.base.files import Damaged, read_json, write_json
from lolameme.base.text import clock
from lolameme.study.paths import progress_file

if TYPE_CHECKING:
    from lolameme.learning.trainer import Progress  # loads torch

_SAY_EVERY = 10.0  # seconds between two lines of one cell
_ALIVE = 60.0  # seconds after which a silent cell no longer counts as running


@dataclass
class Reporter:
    """Receives the progress of one cell, keeps it in its file, and says a line now and then.

    Nothing here may stop a training: a file that cannot be written or read costs the view of others, no more.
    """

    cell: str
    folder: Path  # of plan.json and the files of all cells
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
    said: float = field(default=0.0)

    def __call__(self, progress: "Progress") -> None:
        state = vars(progress) | {"cell": self.cell, "at": time.time()}
        with suppress(OSError):
            write_json(self.folder / progress_file(self.cell), state)
        now, done = time.monotonic(), progress.step == progress.steps
        if progress.step and (done or now - self.said > _SAY_EVERY):
            self.said = now
            try:
                rest = f" | {overview(self.folder)}"
            except (Damaged, OSError):
                rest = ""
            self.say(line(progress, self.cell) + rest)


def line(progress: "Progress", cell: str) -> str:
    """One cell in one line."""
    left = progress.seconds / progress.step * (progress.steps - progress.step)
    return (
        f"{cell:34} step {progress.step:>5}/{progress.steps}  loss {progress.loss:6.3f}  EM {progress.exact_match:5.3f}"
        f"  {progress.tokens_per_second / 1000:5.1f}k tokens/s  {clock(left)} left"
    )


@dataclass(frozen=True)
class Overview:
    """How far the study is: cells trained, trials before them, cells analysed."""

    cells: int
    done: int
    trials: int
    tried: int
    analyses: int
    analysed: int
    running: list[dict[str, Any]]
    seconds_left: float | None  # of training

    def __str__(self) -> str:
        counts = [("trials", self.tried, self.trials), ("cells", self.done, self.cells)]
        counts += [("analyses", self.analysed, self.analyses)]
        told = ", ".join(f"{name} {done}/{of}" for name, done, of in counts if of)
        return told + ("" if self.seconds_left is None else f", about {clock(self.seconds_left)} of training left")


def overview(folder: Path) -> Overview:
    """Look at all cells of a study: how many are trained, which run, and how long the rest will take.

    The rest is estimated from the seconds per step of cells of the same variant so far, or else of all cells.
    """
    told = read_json(folder / "plan.json")
    plan: dict[str, int] = told["steps"]
    states = {state["cell"]: state for state in _states(folder) if state["cell"] in plan}
    done = {name for name, state in states.items() if state["step"] == plan[name]}
    recent = {name: s for name, s in states.items() if time.time() - s["at"] < _ALIVE}
    running = [state for name, state in recent.items() if name not in done]
    pace: dict[str, list[float]] = {}
    for name, state in states.items():
        if state["step"]:
            pace.setdefault(name.split("/")[0], []).append(state["seconds"] / state["step"])
    every = [p for paces in pace.values() for p in paces]
    seconds = None
    if every:
        seconds = 0.0
        for name, steps in plan.items():
            if name not in done:
                paces = pace.get(name.split("/")[0], every)
                seconds += sum(paces) / len(paces) * (steps - states.get(name, {"step": 0})["step"])
        seconds /= max(1, side_by_side(recent.values()))
    cells = {name for name in plan if is_cell(name)}
    files = [Path(told["analysed"], name, f"{cell}.parquet") for name in told["analyses"] for cell in cells]
    return Overview(
        len(cells), len(done & cells), len(plan) - len(cells), len(done - cells), len(files),
        sum(file.exists() for file in files), running, seconds,
    )  # fmt: skip


def silence(folder: Path) -> float:
    """Seconds since a training wrote its progress, or Snakemake, in the folder where it runs, its log."""
    written = [0.0]
    for file in (*folder.glob("*"), *Path(".snakemake/log").glob("*")):
        with suppress(FileNotFoundError):  # it took another name meanwhile
            written.append(file.stat().st_mtime)
    return time.time() - max(written)


def is_cell(name: str) -> bool:
    """Whether a training is that of a cell; else it is a trial."""
    return name.rpartition("/")[2].startswith("seed")


def side_by_side(states: Iterable[dict[str, Any]]) -> int:
    """How many cells run at a time: the most of these, each from its start to its latest moment, that overlap."""
    spans = [(state["at"] - state["seconds"], state["at"]) for state in states]
    return max((sum(a <= begin < b for a, b in spans) for begin, _ in spans), default=0)


def start(folder: Path, plan: dict[str, int], analyses: Iterable[str] = (), analysed: Path = Path()) -> None:
    """Write the plan and forget what belongs to no cell of it, or to other steps.

    The plan has the steps of every cell and trial, and the names of the analyses, which leave a file per cell under
    `analysed`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "plan.json", {"steps": plan, "analyses": list(analyses), "analysed": str(analysed)})
    for state in list(_states(folder)):
        if plan.get(state["cell"]) != state["steps"]:
            (folder / progress_file(state["cell"])).unlink(missing_ok=True)


def _states(folder: Path) -> Iterator[dict[str, Any]]:
    for entry in os.scandir(folder):
        if entry.name.endswith(".json") and entry.name != "plan.json" and not entry.name.startswith("."):
            with suppress(Damaged, OSError):  # of a process killed as its machine went down
                yield read_json(entry.path)
