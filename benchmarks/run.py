"""Our speed beside that of the plain way to do the same thing, in one process: `make bench`.

Prints a table and writes benchmarks/<device>.md. Times are the best of several rounds, on as many threads as
`config.yaml` gives a cell; nothing here is asserted by a test.
"""

import platform
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import yaml
from rich.console import Console
from rich.table import Table
from torch import nn

from lolameme import config
from lolameme.evaluation.exact_match import score
from lolameme.languages.dataset import Builder
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


def generation(folder: Path) -> tuple[str, str, float, float, str]:
    """World to Parquet on disk, against tokenising the same texts with the tokenizer itself."""
    data = yaml.safe_load(STUDY.read_text())
    data["variants"]["multi_language"]["sizes"] = {"train": 200_000, "valid": 100, "test": 100}
    builder = Builder(config.parse(data), "multi_language")
    builder.write_world(folder)
    seconds = best(lambda: builder.write_split("train", folder), rounds=2)
    split = Split.read(folder / "train.parquet")
    import pyarrow.parquet as pq
    from tokenizers import Tokenizer

    texts = pq.read_table(folder / "train.parquet", columns=["text"])["text"].to_pylist()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    peer = best(lambda: [tokenizer.encode(text).ids for text in texts], rounds=1)
    tokens = len(split.flat)
    return "data, world to Parquet", "tokenising the texts alone", tokens / seconds, tokens / peer, "tokens/s"


def training(study: config.Study, split: Split, name: str, plain: bool) -> Callable[[], int]:
    """Fifty training steps of a cell, data path and optimiser included; returns the tokens seen."""
    device, settings = Device.choose("cpu", "float32", study.threads), study.training
    model = stack.build(name, study.model, 1024, int(split.lengths.max()), seed=1)
    if plain:
        for block in model.blocks:
            if isinstance(block.mixer, Hyena):
                block.mixer.__class__ = PlainHyena
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=not plain)
    order = Order(len(split), settings.batch, 1)

    def work() -> int:
        tokens = 0
        for step in range(50):
            data = split.batch(order[step])
            if plain:  # the head at every position, as language models have it
                logits = model(data.tokens)[data.rows, data.columns]
                losses = nn.functional.cross_entropy(logits, data.targets, reduction="none")
            else:
                _, losses = device.losses(model, data)
            optimiser.zero_grad()
            losses.mean().backward()
            optimiser.step()
            tokens += data.real_tokens
        return tokens

    return work


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
    rows = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        rows.append(generation(folder))
        split = Split.read(folder / "train.parquet", 4000)
        for architecture in ("gpt2", "hyena", "thex-2"):
            ours, peer = (training(study, split, architecture, plain) for plain in (False, True))
            tokens = ours()
            speeds = (tokens / best(ours, 3), tokens / best(peer, 3))
            rows.append(
                (f"training step, {architecture}", "plain operator, full head, plain AdamW", *speeds, "tokens/s")
            )
        for architecture in ("gpt2", "hyena"):
            speeds = evaluation(study, Split.read(folder / "train.parquet", 500), architecture)
            rows.append((f"evaluation, {architecture}", "greedy, token by token", *speeds, "queries/s"))
    processor = platform.processor() or platform.machine()
    report(rows, crossover(study), f"cpu-{processor}-{study.threads}-thread")


def report(rows: list, lengths: list, device: str) -> None:
    """Print the tables and keep them under the device's name."""
    table = Table(title=f"lolameme on {device}, torch {torch.__version__}")
    for column in ("what", "against", "ours", "peer", "unit", "ratio"):
        table.add_column(column, justify="left" if column in ("what", "against", "unit") else "right")
    lines = [f"# {device}", "", f"torch {torch.__version__}, by `make bench`; shapes of `config.yaml`.", ""]
    lines += ["| what | against | ours | peer | unit | ratio |", "|---|---|---|---|---|---|"]
    for what, against, ours, peer, unit in rows:
        cells = (what, against, f"{ours:,.0f}", f"{peer:,.0f}", unit, f"{ours / peer:.1f}")
        table.add_row(*cells)
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Long convolution, forward and backward, about 4096 positions, milliseconds:", ""]
    lines += ["| length | matrix form | FFT |", "|---|---|---|"]
    lines += [f"| {length} | {matrix:.1f} | {fft:.1f} |" for length, matrix, fft in lengths]
    (HERE / f"{device}.md").write_text("\n".join(lines) + "\n")
    Console().print(table)
    Console().print("\n".join(lines[-len(lengths) - 2 :]))


if __name__ == "__main__":
    main()
