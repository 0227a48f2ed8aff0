"""What a GPU has to show: that it computes what a CPU does, and how fast.

    python benchmarks/gpu.py [FOLDER] [--minutes 25] [--device cpu]

Each measurement is a file in FOLDER (results/gpu), so that the same command goes on where it stopped; one that failed
is tried again, and so are all once the code is another. Tables are written of what there is. What matters most comes
first. All is measured in forks of this process: what breaks one, such as an error of CUDA, ends there.

With `--device cpu` the very same code runs on a processor, at sizes that take less than a minute: that shows that the
command works, and nothing of speed.
"""

import argparse
import json
import multiprocessing
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gpu_equal as equal
import gpu_speed as speed
import torch
from common import ROOT, keep, named, processor
from gpu_bench import Bench, Measurement, sentence

from lolameme.base import provenance
from lolameme.base.files import digest, read_json, write_json

PARTS = {  # what is measured, and the table of it
    "Equality": (equal.layers, equal.layers_table),
    "A short training": (equal.trainings, equal.trainings_table),
    "Training steps": (speed.steps, speed.steps_table),
    "Length": (speed.by_length, speed.by_length_table),
    "Side by side": (speed.packings, speed.packings_table),
    "Seeds in one model": (speed.in_one_model, speed.in_one_model_table),
    "A study": (speed.studies, speed.studies_table),
}
_LAST = 60.0  # seconds that a measurement may take when the time is up


def version() -> dict[str, Any]:
    """What a measurement holds for."""
    benchmarks = digest(*sorted(Path(__file__).parent.glob("*.py")))
    return {"sources": provenance.code_version()["sources"], "benchmarks": benchmarks, "torch": torch.__version__}


def place(folder: Path, part: str, name: str) -> Path:
    return folder / named(part) / f"{named(name)}.json"


def read(path: Path) -> Measurement:
    """What was measured with this code; empty if nothing was."""
    try:
        found = read_json(path)
    except (OSError, ValueError):
        return {}
    return found if found["version"] == version() else {}


def measure(bench: Bench, part: str, session: str, until: float) -> None:
    """Measure what is missing of a part. One that fails ends this process: after some errors CUDA is of no more use."""
    for name, work in PARTS[part][0](bench):
        path, facts = place(bench.folder, part, name), {"version": version(), "session": session}
        found = read(path)
        if found and ("failed" not in found or found["session"] == session):
            continue
        if time.monotonic() > until:
            return
        print(f"{part}: {name}", flush=True)
        write_json(path, {"failed": "it ended with its process, or its time was up"} | facts)  # what stands if it does
        try:
            write_json(path, work() | facts)
        except Exception as problem:
            write_json(path, {"failed": sentence(problem)} | facts)
            raise SystemExit(1) from None


def grouped(work: Callable[..., None], *arguments: Any) -> None:
    """Some work at the head of a group of processes, so that what it starts can be ended with it."""
    os.setsid()
    work(*arguments)


def forked(until: float, work: Callable[..., None], *arguments: Any) -> bool:
    """Whether some work, in a fork, came to its end; it is killed a little after the time is up."""
    process = multiprocessing.get_context("fork").Process(target=grouped, args=(work, *arguments))
    process.start()
    process.join(max(0, until - time.monotonic()) + _LAST)
    if process.is_alive():
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
    return process.exitcode == 0


def describe(kind: str, file: Path) -> None:
    """Write the name of the device, and those of all measurements, to a file; none where there is no such device."""
    if kind == "cuda" and not torch.cuda.is_available():
        return
    bench, device = Bench(kind, file.parent), processor() if kind == "cpu" else named(torch.cuda.get_device_name())
    names = {part: [name for name, _ in listed(bench)] for part, (listed, _) in PARTS.items()}
    file.write_text(json.dumps({"device": device, "names": names}))


def report(bench: Bench, device: str, names: dict[str, list[str]]) -> tuple[list[str], bool]:
    """Write the tables; what is wrong, in sentences, and whether all has been tried."""
    lines, wrong, tried = [], [], True
    if bench.kind == "cpu":
        lines += ["On a processor, at sizes that show that the command works, and nothing of speed.", ""]
    for part, (_, shown) in PARTS.items():
        found = {name: read(place(bench.folder, part, name)) for name in names[part]}
        good = {name: m for name, m in found.items() if m and "failed" not in m}
        failed = [f"{name}: {m['failed']}" for name, m in found.items() if "failed" in m]
        lines += [f"## {part}", "", *(shown(good) if good else []), *([""] if good else [])]
        lines += [f"- failed: {each}" for each in failed] + [""] * bool(failed)
        missing = sum(not m for m in found.values())
        lines += [f"Not measured yet: {missing} of {len(found)}.", ""] * bool(missing)
        wrong += [f"{part}: {each}" for each in failed]
        wrong += [f"{part}: {name} is unequal" for name, m in good.items() if not m.get("equal", True)]
        tried = tried and not missing
    print(keep("gpu", lines, "make gpu", device) / "gpu.md")
    return wrong, tried


def main() -> None:
    parser = argparse.ArgumentParser(description="What a GPU has to show: equality with a CPU, and speed.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "results/gpu", help="of the measurements")
    parser.add_argument("--minutes", type=float, default=25, help="after which no measurement is begun")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: to try the command")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended; the same command goes on"))  # and takes its forks along
    until, session = time.monotonic() + 60 * asked.minutes, secrets.token_hex(4)
    if asked.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # for the processes of cells, too
    folder = asked.folder.resolve() / asked.device
    folder.mkdir(parents=True, exist_ok=True)
    description = folder / "device.json"
    description.unlink(missing_ok=True)
    forked(until, describe, asked.device, description)  # a process that has asked CUDA is of no use to its forks
    if not description.exists():
        sys.exit(
            f"torch {torch.__version__} sees no CUDA GPU here; run this where nvidia-smi shows one, with a CUDA build "
            "of torch, or try the command at small sizes: make gpu DEVICE=cpu"
        )
    about = json.loads(description.read_text())
    bench = Bench(asked.device, folder / about["device"])
    for part in PARTS:
        while time.monotonic() < until and not forked(until, measure, bench, part, session, until):
            pass
    wrong, tried = report(bench, about["device"], about["names"])
    if not tried:
        print("The time was up; the same command goes on")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
