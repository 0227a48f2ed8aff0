"""Our speed beside that of the plain way to do the same thing, in one process: `make bench`.

Prints a table and writes benchmarks/<device>.md. Times are the best of several rounds, on as many threads as
`config.yaml` gives a cell; nothing here is asserted by a test.
"""

import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer
from torch import nn

from lolameme import config
from lolameme.evaluation.exact_match import score
from lolameme.languages.dataset import Builder
from lolameme.languages.mqar import draw_sequences
from lolameme.models import convolution, stack
from lolameme.models.hyena import Hyena
from lolameme.training.data import Order, Split
from lolameme.training.device import Device

HERE = Path(__file__).parent
STUDY = HERE.parent / "config.yaml"


class PlainHyena(Hyena):
    """The same operator as published code has it: a grouped Conv1d, channels first, and always the FFT."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        L, D = x.shape[1], x.shape[2]
        weight = self.short.weight.flip(0).T[:, None]  # (3D, 1, taps)
        z = nn.functional.conv1d(self.inward(x).transpose(1, 2), weight, self.short.bias, padding=2, groups=3 * D)
        *gates, v = z[..., :L].split(D, dim=1)  # each (B, D, L)
        for gate, h, bias in zip(gates[:0:-1], self.filters(L), self.bias, strict=True):
            v = v * gate
            spectrum = torch.fft.rfft(v, n=2 * L) * torch.fft.rfft(h, n=2 * L) / (2 * L)
            v = torch.fft.irfft(spectrum, n=2 * L, norm="forward")[..., :L] + v * bias[:, None]
        return self.out((v * gates[0]).transpose(1, 2))


def best(work: Callable[[], object], rounds: int = 5) -> float:
    """Seconds of the fastest round, after one to warm up."""
    work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


PUBLIC = {
    "mqar": {"task": "mqar", "world": {"keys": 4096, "values": 4096}, "program": {"pairs": [8, 8], "length": 64}},
    "listops": {"task": "listops"},
}


def builder(name: str, programs: int) -> Builder:
    """The builder of `multi_language` of the default study, or of a public task, with so many training programs."""
    data = yaml.safe_load(STUDY.read_text())
    data["variants"] |= {task: {"about": task, "tokenizer": {"kind": "piece"}} | PUBLIC[task] for task in PUBLIC}
    data["variants"][name]["sizes"] = {"train": programs, "valid": 500, "test": 500}
    return Builder(config.parse(data), name)


def prepared(name: str, programs: int, folder: Path) -> Builder:
    """A builder that has written all but the training split."""
    made = builder(name, programs)
    made.write_world(folder)
    for split in made.programs:
        if split != "train":
            made.write_split(split, folder)
    return made


def generation(name: str, programs: int, folder: Path) -> tuple[str, str, float, float, str]:
    """World to Parquet on disk, leakage check included, against only tokenising the same texts with `tokenizers`."""
    made = prepared(name, programs, folder)
    seconds = best(lambda: made.write_train(folder), rounds=2)
    texts = pq.read_table(folder / "train.parquet", columns=["text"])["text"].to_pylist()[:20000]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokens = len(Split.read(folder / "train.parquet").flat)
    share = len(Split.read(folder / "train.parquet", len(texts)).flat)
    peer = best(lambda: [tokenizer.encode(text).ids for text in texts], rounds=1)
    return f"data, {name}, world to Parquet", "tokenising the texts alone", tokens / seconds, share / peer, "tokens/s"


def row_by_row(knobs: config.MqarProgram, bases: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """The words of MQAR sequences, one sequence after another: the plain way."""
    rows = np.empty((count, knobs.length), np.int64)
    for row in rows:
        pairs = rng.integers(knobs.pairs[0], knobs.pairs[1] + 1)
        keys = bases[0] + rng.choice(bases[1] - bases[0], pairs, replace=False)
        values = bases[1] + rng.choice(bases[2] - bases[1], pairs, replace=False)
        weights = np.arange(1, knobs.length // 2 - pairs + 1) ** (knobs.power - 1)
        slots = rng.choice(len(weights), pairs, replace=False, p=weights / weights.sum())
        row[:] = rng.integers(bases[2], bases[3], knobs.length)
        row[0 : 2 * pairs : 2], row[1 : 2 * pairs : 2] = keys, values
        row[2 * (pairs + slots)], row[2 * (pairs + slots) + 1] = keys, values
    return rows


def drawing() -> tuple[str, str, float, float, str]:
    """MQAR sequences as numbers, drawn all at once and one by one."""
    made, rng = builder("mqar", 100), np.random.default_rng(1)
    knobs, bases, count = made.programs["train"], made.task.bases, made.chunk
    ours = count / best(lambda: draw_sequences(knobs, bases, count, rng))
    peer = 2000 / best(lambda: row_by_row(knobs, bases, 2000, rng))
    return "drawing MQAR", "NumPy, row by row", ours, peer, "sequences/s"


def memory(programs: int) -> tuple[int, float]:
    """Peak memory in MB of a process that writes so many training programs, checked for leaks."""
    code = (
        "import sys; sys.path.insert(0, 'benchmarks'); import run, tempfile, pathlib\n"
        "from lolameme.provenance import peak_memory\n"
        f"folder = pathlib.Path(tempfile.mkdtemp()); run.prepared('multi_language', {programs}, folder)"
        ".write_train(folder); print(peak_memory() / 2**20)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE.parent, capture_output=True, text=True, check=True)
    return programs, float(done.stdout)


def training(study: config.Study, split: Split, name: str, plain: bool) -> Callable[[], int]:
    """Fifty training steps of a cell, data path and optimiser included; returns the tokens seen.

    The plain way is Hugging Face's GPT-2, or the published Hyena operator, with the head at every position, as language
    models have it, and AdamW as it comes. Programs are padded to the longest of the batch either way.
    """
    device, settings = Device.choose("cpu", "float32", study.threads), study.training
    longest = int(split.lengths.max())
    model = stack.build(name, study.model, 1024, longest, seed=1)
    if plain and name == "gpt2":
        model = hugging_face(study.model, longest)
    for block in model.blocks if plain and name != "gpt2" else []:
        if isinstance(block.mixer, Hyena):
            block.mixer.__class__ = PlainHyena
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=None if plain else True)
    order = Order(len(split), settings.batch, 1)

    def work() -> int:
        tokens = 0
        for step in range(50):
            data = split.batch(order[step])
            if plain:
                output = model(data.tokens)
                logits = (output.logits if name == "gpt2" else output)[data.rows, data.columns]
                losses = nn.functional.cross_entropy(logits, data.targets, reduction="none")
            else:
                _, losses = device.losses(model, data)
            optimiser.zero_grad()
            losses.mean().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
            optimiser.step()
            tokens += data.real_tokens
        return tokens

    return work


def hugging_face(model: config.Model, longest: int) -> nn.Module:
    """GPT-2 of the same shape, by `transformers`."""
    from transformers import GPT2Config, GPT2LMHeadModel

    drop = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), model.dropout)
    sizes = {"n_embd": model.d_model, "n_layer": model.layers, "n_head": model.heads, "n_positions": longest}
    return GPT2LMHeadModel(GPT2Config(vocab_size=1024, **sizes, **drop))


def evaluation(study: config.Study, split: Split, name: str) -> tuple[float, float]:
    """Queries per second: one teacher-forced pass, and greedy decoding without a cache of a sample of programs."""
    device = Device.choose("cpu", "float32", study.threads)
    model = stack.build(name, study.model, 1024, int(split.lengths.max()), seed=1).eval()
    ours = len(split.begin) / best(lambda: score(model, split, device), rounds=2)
    sample = range(20)

    @torch.inference_mode()
    def greedy() -> None:
        query = 0
        for program in sample:
            tokens = split.flat[split.offsets[program] : split.offsets[program + 1]].astype(np.int64)
            for _ in range(split.queries[program]):
                prompt = torch.from_numpy(tokens[: split.begin[query]])[None]
                for _ in range(split.stop[query] - split.begin[query]):
                    prompt = torch.cat([prompt, model(prompt)[:, -1:].argmax(-1)], dim=1)
                query += 1

    return ours, int(split.queries[: len(sample)].sum()) / best(greedy, rounds=2)


def crossover(study: config.Study) -> list[tuple[int, float, float]]:
    """Milliseconds of the matrix form and the FFT form of the convolution, forward and backward, by length."""
    rows = []
    for length in (16, 32, 48, 64, 80, 96, 128, 256):
        v = torch.randn(max(1, 4096 // length), length, study.model.d_model, requires_grad=True)
        k = torch.randn(study.model.d_model, length, requires_grad=True)
        forms = [
            best(lambda f=form: torch.autograd.grad(f(v, k).sum(), (v, k)), rounds=7)  # noqa: B023 (called at once)
            for form in (convolution.toeplitz, convolution.fft)
        ]
        rows.append((length, *(1000 * seconds for seconds in forms)))
    return rows


def main() -> None:
    study = config.load(STUDY)
    torch.set_num_threads(study.threads)
    pa.set_cpu_count(1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        rows = [generation(task, 200_000, folder) for task in ("listops", "mqar", "multi_language")]
        rows.append(drawing())
        disk = (folder / "train.parquet").stat().st_size / len(Split.read(folder / "train.parquet").flat)
        split = Split.read(folder / "train.parquet", 4000)
        for architecture in ("gpt2", "hyena", "thex-2"):
            ours, peer = (training(study, split, architecture, plain) for plain in (False, True))
            tokens = ours()
            speeds = (tokens / best(ours, 3), tokens / best(peer, 3))
            peer_name = (
                "Hugging Face's GPT-2" if architecture == "gpt2" else "published operator, full head, plain AdamW"
            )
            rows.append((f"training step, {architecture}", peer_name, *speeds, "tokens/s"))
        for architecture in ("gpt2", "hyena"):
            speeds = evaluation(study, Split.read(folder / "train.parquet", 500), architecture)
            rows.append((f"evaluation, {architecture}", "greedy, token by token", *speeds, "queries/s"))
    rate = next(row[2] for row in rows if "multi_language" in row[0])
    plan = (
        f"Two billion tokens of `multi_language`, on one core: {2e9 / rate / 60:.0f} minutes and {2 * disk:.1f} GB "
        "of Parquet, by these figures."
    )
    report(rows, crossover(study), [memory(programs) for programs in (50_000, 200_000, 800_000)], plan, processor())


def processor() -> str:
    """The name of this machine's processor."""
    about = Path("/proc/cpuinfo")
    names = [line.partition(":")[2] for line in about.read_text().splitlines() if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return "-".join(re.findall(r"[A-Za-z0-9]+", name)).lower()


def report(rows: list, lengths: list, peaks: list, plan: str, device: str) -> None:
    """Print the tables and keep them under the device's name."""
    table = Table(title=f"lolameme on one thread of {device}, torch {torch.__version__}")
    for column in ("what", "against", "ours", "peer", "unit", "ratio"):
        table.add_column(column, justify="left" if column in ("what", "against", "unit") else "right")
    lines = [f"# {device}, one thread", "", f"torch {torch.__version__}, by `make bench`; shapes of `config.yaml`.", ""]
    lines += ["| what | against | ours | peer | unit | ratio |", "|---|---|---|---|---|---|"]
    for what, against, ours, peer, unit in rows:
        cells = (what, against, f"{ours:,.0f}", f"{peer:,.0f}", unit, f"{ours / peer:.1f}")
        table.add_row(*cells)
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Long convolution, forward and backward, about 4096 positions, milliseconds:", ""]
    lines += ["| length | matrix form | FFT |", "|---|---|---|"]
    lines += [f"| {length} | {matrix:.1f} | {fft:.1f} |" for length, matrix, fft in lengths]
    lines += ["", "Peak memory of writing training programs of `multi_language`, leakage check included:", ""]
    lines += ["| programs | MB |", "|---|---|", *(f"| {programs:,} | {mb:.0f} |" for programs, mb in peaks), "", plan]
    (HERE / f"{device}.md").write_text("\n".join(lines) + "\n")
    Console().print(table)
    Console().print("\n".join(lines[len(rows) + 7 :]))


if __name__ == "__main__":
    main()
