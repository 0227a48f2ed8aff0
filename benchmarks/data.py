"""The speed of making data, from the world to Parquet on disk, beside that of plainer ways."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from common import ROOT, STUDY, best, keep, ratios, table
from tokenizers import Tokenizer

from lolameme.data.dataset import Builder
from lolameme.learning.batches import Split
from lolameme.study import config
from lolameme.tasks.mqar.generator import draw_sequences
from lolameme.tasks.mqar.settings import Program as MqarProgram

PUBLIC = {
    "mqar": {"task": "mqar", "world": {"keys": 4096, "values": 4096}, "program": {"pairs": [8, 8], "length": 64}},
    "listops": {"task": "listops"},
}


def builder(name: str, programs: int) -> Builder:
    """The builder of `in_context_far` of the default study, or of a public task, with so many training programs."""
    data = yaml.safe_load(STUDY.read_text())
    data["variants"] |= {task: {"about": task, "tokenizer": {"kind": "piece"}} | PUBLIC[task] for task in PUBLIC}
    data["variants"][name]["sizes"] = {"train": programs, "valid": 500, "test": 500}
    return Builder(config.parse(data), name)


def generation(name: str, programs: int, folder: Path) -> tuple[str, str, float, float, str]:
    """World to Parquet on disk, leakage check included, against only tokenising the same texts with `tokenizers`."""
    made = builder(name, programs)
    made.write(folder)
    seconds = best(lambda: made.write_train(folder), rounds=2, warm=False)
    texts = pq.read_table(folder / "train.parquet", columns=["text"])["text"].to_pylist()[:20000]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    split = Split.read(folder / "train.parquet")
    tokens, share = len(split.flat), split.offsets[len(texts)]
    peer = best(lambda: [tokenizer.encode(text).ids for text in texts], rounds=1)
    return f"data, {name}, world to Parquet", "tokenising the texts alone", tokens / seconds, share / peer, "tokens/s"


def row_by_row(settings: MqarProgram, bases: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """The words of MQAR sequences, one sequence after another: the plain way."""
    rows = np.empty((count, settings.length), np.int64)
    for row in rows:
        pairs = rng.integers(settings.pairs[0], settings.pairs[1] + 1)
        keys = bases[0] + rng.choice(bases[1] - bases[0], pairs, replace=False)
        values = bases[1] + rng.choice(bases[2] - bases[1], pairs, replace=False)
        weights = np.arange(1, settings.length // 2 - pairs + 1) ** (settings.power - 1)
        slots = rng.choice(len(weights), pairs, replace=False, p=weights / weights.sum())
        row[:] = rng.integers(bases[2], bases[3], settings.length)
        row[0 : 2 * pairs : 2], row[1 : 2 * pairs : 2] = keys, values
        row[2 * (pairs + slots)], row[2 * (pairs + slots) + 1] = keys, values
    return rows


def drawing() -> tuple[str, str, float, float, str]:
    """MQAR sequences as numbers, drawn all at once and one by one."""
    made, rng = builder("mqar", 100), np.random.default_rng(1)
    settings, bases, count = made.programs["train"], made.task.bases, made.chunk
    ours = count / best(lambda: draw_sequences(settings, bases, count, rng))
    peer = 2000 / best(lambda: row_by_row(settings, bases, 2000, rng))
    return "drawing MQAR", "NumPy, row by row", ours, peer, "sequences/s"


def memory(programs: int) -> tuple[int, float]:
    """Peak memory in MB of a process that writes so many training programs, checked for leaks."""
    code = (
        "import sys; sys.path.insert(0, 'benchmarks'); import data, tempfile, pathlib\n"
        "from lolameme.base.provenance import peak_memory\n"
        f"folder = pathlib.Path(tempfile.mkdtemp()); data.builder('in_context_far', {programs}).write(folder); "
        "print(peak_memory() / 2**20)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return programs, float(done.stdout)


def main() -> None:
    pa.set_cpu_count(1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        rows = [generation(task, 200_000, folder) for task in ("listops", "mqar", "in_context_far")]
        disk = (folder / "train.parquet").stat().st_size / len(Split.read(folder / "train.parquet").flat)
    lines = ["One thread; shapes of `config.yaml`.", "", *ratios([*rows, drawing()]), ""]
    lines += ["Peak memory of writing training programs of `in_context_far`, leakage check included:", ""]
    peaks = [memory(programs) for programs in (50_000, 200_000, 800_000)]
    lines += [*table(("programs", "MB"), [(f"{n:,}", f"{mb:.0f}") for n, mb in peaks]), ""]
    rate = next(row[2] for row in rows if "in_context_far" in row[0])
    lines += [
        f"Two billion tokens of `in_context_far`, on one core: {2e9 / rate / 60:.0f} minutes and {2 * disk:.1f} GB of "
        "Parquet, by these figures."
    ]
    keep("data", lines)


if __name__ == "__main__":
    main()
