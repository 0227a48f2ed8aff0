"""The speed of training steps and of evaluation, beside that of their peers.

Training: a whole step, data path and optimiser included, at the shapes of three studies, against Hugging Face's GPT-2,
and against a plain Hyena. That is no code of others: it is our own operator, written with the steps of the published
code (`PlainHyena`). The ratio says what our form of it, the packed layout and the optimiser gain together, and depends
on how this peer is written.

Evaluation: one teacher-forced pass against greedy decoding.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest import mock

import matplotlib.pyplot as plt
import torch
from common import ROOT, STUDY, best, keep, ratios, table
from torch import nn

from lolameme.base.files import read_json
from lolameme.data.dataset import Builder
from lolameme.drawing import style
from lolameme.learning.batches import BatchSampler, Split
from lolameme.learning.decoding import greedy
from lolameme.learning.device import Device
from lolameme.learning.optimiser import AdamW
from lolameme.learning.scoring import score
from lolameme.models import convolution, stack
from lolameme.models.cost import flops_per_token
from lolameme.models.mixers.hyena import Hyena
from lolameme.models.short_convolution import ShortConvolution
from lolameme.study import config
from lolameme.study.architectures import label
from lolameme.study.settings import Model, Training


class Shape(NamedTuple):
    """The shape of a study's training steps."""

    study: Path
    batch: int | None  # programs per step; None: as many as the study has
    steps: int  # per round


SHAPES = {
    "quick": Shape(STUDY, None, 25),
    "cpu": Shape(ROOT / "studies/cpu.yaml", None, 10),
    "paper": Shape(ROOT / "studies/paper.yaml", 8, 1),  # which has more programs per step than a CPU can time
}
PEERS = {"gpt2": "Hugging Face's GPT-2", "hyena": "a plain Hyena, ours"}


class PlainHyena(Hyena):
    """Our operator in plain torch, step by step as github.com/HazyResearch/safari has it without its kernels for GPUs.

    A grouped Conv1d, channels first, and always the FFT with torch's own backward pass.
    """

    def mix(self, z: torch.Tensor) -> torch.Tensor:
        L, D = z.shape[1], self.out_proj.in_features
        weight = self.short.weight.flip(0).T[:, None]  # (3D, 1, taps)
        past = weight.shape[2] - 1
        z = nn.functional.conv1d(z.transpose(1, 2), weight, self.short.bias, padding=past, groups=3 * D)
        *gates, v = z[..., :L].split(D, dim=1)  # each (B, D, L)
        for gate, h, bias in zip(gates[:0:-1], self.filters(L), self.bias, strict=True):
            v = v * gate
            spectrum = torch.fft.rfft(v.to(h.dtype), n=2 * L) * torch.fft.rfft(h, n=2 * L) / (2 * L)
            y = torch.fft.irfft(spectrum, n=2 * L, norm="forward")[..., :L] + v * bias[:, None]
            v = y.to(v.dtype)
        return (v * gates[0]).transpose(1, 2)


class Cells:
    """Training programs of a study's first variant, or of one that is named, in its shape, for a kind of device."""

    def __init__(self, shape: Shape, folder: Path, kind: str = "cpu", named: str = "", programs: int = 2000):
        self.steps, self.kind, self.folder = shape.steps, kind, folder
        study = config.load(shape.study)
        name = named or next(iter(study.variants))
        variant = study.variants[name]
        self.batch = shape.batch or study.training_of(name).batch
        sizes = variant.sizes.model_copy(update={"train": programs, "valid": 50, "test": 50})
        few = variant.model_copy(update={"sizes": sizes})
        self.study = study.model_copy(update={"variants": {name: few}})
        if not (folder / "dataset.json").exists():  # which is written last
            Builder(self.study, name).write(folder)
        self.split = Split.read(folder / "train.parquet")
        self.vocabulary = read_json(folder / "dataset.json")["vocabulary"]
        self.longest = int(self.split.lengths.max())

    def model(self, architecture: str) -> stack.Stack:
        return stack.build(architecture, self.study.model, self.vocabulary, seed=1)

    def ours(self, architecture: str, precision: str = "float32", backend: str = "") -> Callable[[], int]:
        """A round of training steps, as cells are trained; returns the tokens seen. With a backend of torch.compile
        the stack is compiled by it."""
        device = Device.choose(self.kind, precision, 1)
        model = self.model(architecture).to(device.torch_device)
        if backend:
            model.hidden = torch.compile(model.hidden, dynamic=True, backend=backend)
        optimiser = AdamW(model.parameters(), Training(learning_rate=1e-3))
        order = BatchSampler(len(self.split), self.batch, 1)

        def work() -> int:
            tokens = 0
            for step in range(self.steps):
                data = self.split.batch(order[step])
                _, losses = device.losses(model, data)
                losses.mean().backward()
                optimiser.step(1e-3)
                tokens += len(data.tokens)
            return tokens

        return work

    def peer(self, architecture: str, precision: str = "float32") -> Callable[[], int]:
        """The same with Hugging Face's GPT-2, or with plain Hyena operators.

        Padded programs, the head at every position, as language models have it, and AdamW as it comes.
        """
        device = Device.choose(self.kind, precision, 1)
        model = hugging_face(self.study.model, self.vocabulary, self.longest) if architecture == "gpt2" else None
        if model is None:
            model = self.model(architecture)
            few = torch.arange(9)[None]
            ours = model(few)
            for block in model.blocks:
                block.mixer.__class__, block.mixer.in_proj.__class__ = PlainHyena, nn.Linear
            torch.testing.assert_close(model(few), ours)  # the same operator
        model = model.to(device.torch_device)
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
        order = BatchSampler(len(self.split), self.batch, 1)

        def work() -> int:
            tokens = 0
            for step in range(self.steps):
                data = self.split.batch(order[step])
                tokens_there, targets = (t.to(device.torch_device) for t in (data.side_by_side(), data.targets))
                with device.autocast():
                    output = model(tokens_there)
                logits = output.logits if architecture == "gpt2" else output
                logits = data.layout.to(device.torch_device).unpad(logits).float()
                loss = nn.functional.cross_entropy(logits, targets)
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                tokens += len(data.tokens)
            return tokens

        return work


def hugging_face(model: Model, vocabulary: int, longest: int) -> nn.Module:
    """GPT-2 of the same shape, by `transformers`."""
    from transformers import GPT2Config, GPT2LMHeadModel

    drop = {"attn_pdrop": model.attention_dropout, "embd_pdrop": model.dropout, "resid_pdrop": model.dropout}
    none = {"bos_token_id": None, "eos_token_id": None}  # of our vocabulary
    inner = round(model.inner * model.d_model)
    sizes = {"n_embd": model.d_model, "n_layer": model.layers, "n_head": model.heads, "n_positions": longest}
    return GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, n_inner=inner, **sizes, **drop, **none))


def alternately(
    works: Sequence[Callable[[], int]], rounds: int, wait: Callable[[], None] = lambda: None
) -> list[float]:
    """Tokens per second of each, the best of rounds in turn, so that a slow moment of the machine meets all."""
    tokens = works[0]()
    times = [[best(work, 1, False, wait) for work in works] for _ in range(rounds + 1)][1:]
    return [tokens / min(seconds) for seconds in zip(*times, strict=True)]


class Speed(NamedTuple):
    """Tokens per second of training steps; our peer is in float32, whatever the precision of ours."""

    architecture: str
    shape: str
    precision: str
    ours: float
    peer: float

    def row(self) -> tuple[str, str, float, float, str]:
        what = "training step" if self.precision == "float32" else f"ours in {self.precision}"
        return f"{what}, {self.architecture}, {self.shape}", PEERS[self.architecture], self.ours, self.peer, "tokens/s"


def training(name: str, folder: Path) -> tuple[list[Speed], str]:
    cells, speeds = Cells(SHAPES[name], folder), []
    for architecture in PEERS:
        works = cells.ours(architecture), cells.peer(architecture)
        ours, peer = alternately(works, 8 if name == "quick" else 3)
        half = cells.ours(architecture, "bfloat16")
        in_half = half() / best(half, 3 if name == "quick" else 2)
        speeds.append(Speed(architecture, name, "float32", ours, peer))
        speeds.append(Speed(architecture, name, "bfloat16", in_half, peer))
    model, length = cells.study.model, float(cells.split.lengths.mean())
    flops = 3 * flops_per_token("gpt2", model, cells.vocabulary, cells.longest, cells.batch)
    about = (
        f"- {name}: {model.layers} layers, width {model.d_model}, vocabulary {cells.vocabulary}, batches of "
        f"{cells.batch} programs of {length:.0f} tokens on average; GPT-2 trains at "
        f"{speeds[0].ours * flops / 1e9:.0f} GFLOP/s (forward and backward pass of all positions, by formula)"
    )
    return speeds, about


class TorchTaps(ShortConvolution):
    """The short convolution as torch has it: a grouped Conv1d, channels first."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight, past = self.taps().flip(0).T[:, None], len(self.taps()) - 1  # (C, 1, taps)
        y = nn.functional.conv1d(x.transpose(1, 2), weight, self.bias, padding=past, groups=x.shape[2])
        return y[..., : x.shape[1]].transpose(1, 2)


def torch_fft(v: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """The long convolution by FFT with torch's own backward pass."""
    n = 2 * v.shape[2]
    return torch.fft.irfft(torch.fft.rfft(v, n=n) * torch.fft.rfft(k, n=n)[:, None], n=n)[..., : v.shape[2]]


def by_hand(cells: Cells, size: int, rounds: int = 5) -> list[tuple[str, ...]]:
    """Milliseconds of a training step with what we keep by hand, and with torch's own in place of each of them.

    Batches of `size` programs. In processor time, which other processes of the machine disturb less.
    """
    settings, order = Training(learning_rate=1e-3), BatchSampler(len(cells.split), size, 1)
    batches = [cells.split.batch(order[number]) for number in range(6)]

    def step(architecture: str, without: str = "") -> Callable[[], None]:
        model = cells.model(architecture)
        mixers = [block.mixer for block in model.blocks if hasattr(block.mixer, "short")]
        if without == "taps":
            for mixer in mixers:
                mixer.short.__class__ = TorchTaps
        usual = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True) if without == "optimiser" else None
        ours = None if usual else AdamW(model.parameters(), settings)

        def work() -> None:
            for data in batches:
                if without == "layout":
                    hidden = data.layout.unpad(model.hidden(data.side_by_side()))
                else:
                    hidden = model.hidden(data.tokens, data.layout)
                nn.functional.cross_entropy(model.logits(hidden), data.targets).backward()
                if ours:
                    ours.step(1e-3)
                else:
                    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                    usual.step()
                    usual.zero_grad()

        def by_torch() -> None:
            with mock.patch.object(convolution, "form", return_value=torch_fft):
                work()

        return by_torch if without == "convolution" else work

    asked = [
        ("layout", "programs side by side, padded, all outputs of the last block", ("gpt2", "hyena", "thex-2")),
        ("taps", "short convolution as a grouped Conv1d", ("hyena", "thex-2")),
        ("convolution", "long convolution by torch's FFT and its backward pass", ("hyena", "thex-2")),
        ("optimiser", "torch's fused AdamW and clip_grad_norm_", ("gpt2", "hyena", "thex-2")),
    ]
    rows = []
    for without, instead, architectures in asked:
        for architecture in architectures:
            arms = [step(architecture), step(architecture, without)]
            times: list[list[float]] = [[], []]
            for _ in range(rounds + 1):  # in turn, so that both meet what else the machine does; the first warms up
                for arm, seen in zip(arms, times, strict=True):
                    begun = time.process_time()
                    arm()
                    seen.append(time.process_time() - begun)
            ours, other = (1000 * min(seen[1:]) / len(batches) for seen in times)
            rows.append(
                (instead, architecture, str(size), f"{other:.1f}", f"{ours:.1f}", f"{100 * (1 - ours / other):.0f} %")
            )
    return rows


def draw(speeds: list[Speed], stem: Path) -> None:
    """How many times as fast as its peer each training step is."""
    style.apply()
    figure, ax = plt.subplots(figsize=(7, 2.8))
    rows = list(dict.fromkeys((speed.architecture, speed.shape) for speed in reversed(speeds)))
    for speed in speeds:
        colour, full = style.FAMILY[speed.architecture], speed.precision == "float32"
        x, y = speed.ours / speed.peer, rows.index((speed.architecture, speed.shape))
        ax.plot(x, y, "o", color=colour, markersize=7, markerfacecolor=colour if full else "white")
        first = speed.ours == max(s.ours for s in speeds if (s.architecture, s.shape) == rows[y])
        side = {"ha": "left", "xytext": (7, 0)} if first else {"ha": "right", "xytext": (-7, 0)}
        ax.annotate(f"{x:.1f}", (x, y), textcoords="offset points", va="center", color=colour, fontsize=9, **side)
    ax.axvline(1, color=style.QUIET, linewidth=1)
    ax.set_yticks(range(len(rows)), [f"{label(architecture)}, {shape} shape" for architecture, shape in rows])
    ax.set(xlim=(0, None), xlabel="times as fast as the peer in float32; full: ours in float32, hollow: in bfloat16")
    ax.xaxis.label.set_fontsize(9)
    style.save(figure, stem)


def compiled(cells: Cells) -> list[tuple[str, ...]]:
    """Forward and backward pass as it is and under torch.compile: milliseconds, and steps until compiling has paid."""
    torch.compiler.config.force_disable_caches = True  # as on a machine that has not compiled it yet
    rows = []
    for architecture in PEERS:
        ours, made = cells.model(architecture), cells.model(architecture)
        made.hidden = torch.compile(made.hidden, dynamic=True)
        order = BatchSampler(len(cells.split), cells.batch, 1)

        def work(model: stack.Stack, order: BatchSampler = order) -> None:
            for step in range(cells.steps):
                data = cells.split.batch(order[step])
                logits = model.logits(model.hidden(data.tokens, data.layout))
                nn.functional.cross_entropy(logits, data.targets).backward()

        begun = time.perf_counter()
        work(made)
        seconds = time.perf_counter() - begun
        plain, fast = (1000 * best(partial(work, model), 5) / cells.steps for model in (ours, made))
        pays = f"{1000 * seconds / (plain - fast):,.0f}" if fast < plain else "never"
        rows.append((architecture, f"{plain:.1f}", f"{fast:.1f}", f"{seconds:.0f}", pays))
    return rows


def evaluation(cells: Cells, name: str) -> list[tuple[str, str, float, float, str]]:
    """Queries per second, one teacher-forced pass against decoding; tokens per second with and without a cache."""
    device = Device.choose("cpu", "float32", 1)
    model, split = cells.model(name).eval(), cells.split
    ours = len(split.begin) / best(lambda: score(model, split, device), rounds=2)
    prompts = []
    for program in range(10):
        tokens = split.flat[split.offsets[program] : split.offsets[program + 1]].tolist()
        first = int(split.queries[:program].sum())
        for query in range(first, first + split.queries[program]):
            prompts.append((tokens[: split.begin[query]], int(split.stop[query] - split.begin[query])))

    @torch.inference_mode()
    def plain(prompt: list[int], count: int) -> None:
        tokens = torch.tensor([prompt])
        for _ in range(count):
            tokens = torch.cat([tokens, model(tokens)[:, -1:].argmax(-1)], dim=1)

    token_by_token = len(prompts) / best(lambda: [plain(*prompt) for prompt in prompts], 2)
    long = cells.longest - 1
    cached, whole = (long / best(lambda f=f: f(prompts[0][0][:1], long), 3) for f in (partial(greedy, model), plain))
    return [
        (f"evaluation, {name}", "greedy decoding of every answer", ours, token_by_token, "queries/s"),
        (f"greedy decoding of {long} tokens, {name}", "without a cache", cached, whole, "tokens/s"),
    ]


def forms(study: config.Study) -> list[tuple[str, ...]]:
    """Milliseconds of both fast forms of the convolution, and of torch's FFT, forward and backward; which is picked."""
    rows = []
    D = study.model.d_model
    for batch in (4, 16, 64, 256):
        for length in (6, 16, 32, 48, 64, 96, 128, 160):
            v, k = torch.randn(D, batch, length, requires_grad=True), torch.randn(D, length, requires_grad=True)
            upstream = torch.randn(D, batch, length)
            times = [
                1000 * best(lambda f=form: torch.autograd.grad(f(v, k), (v, k), upstream), rounds=7)  # noqa: B023 (called at once)
                for form in (convolution.toeplitz, convolution.fft, torch_fft)
            ]
            rows.append((str(batch), str(length), *(f"{t:.2f}" for t in times), convolution.form(v).__name__))
    return rows


def main() -> None:
    torch.set_num_threads(1)
    speeds, abouts = [], []
    with TemporaryDirectory() as name:
        for shape in SHAPES:
            made, about = training(shape, Path(name) / shape)
            speeds, abouts = speeds + made, [*abouts, about]
        cells = Cells(SHAPES["quick"], Path(name) / "quick")
        rows = [speed.row() for speed in speeds]
        for architecture in PEERS:
            rows += evaluation(cells, architecture)
        lines = ["One thread, float32.", "", "![Training steps against their peers](training.png)", "", *ratios(rows)]
        lines += ["", *abouts, ""]
        if shutil.which("g++"):  # what torch.compile needs on a CPU
            lines += ["torch.compile, forward and backward pass at the cpu shape:", ""]
            columns = ("architecture", "as it is, ms", "compiled, ms", "seconds to compile", "steps until it pays")
            lines += [*table(columns, compiled(Cells(SHAPES["cpu"], Path(name) / "cpu"))), ""]
    lines += ["What is kept by hand, at the quick shape: processor time of a step.", ""]
    columns = ("instead", "architecture", "batch", "that, ms", "ours, ms", "saved")
    lines += [*table(columns, [row for size in (16, 64) for row in by_hand(cells, size)]), ""]
    lines += ["Forms of the long convolution, forward and backward, milliseconds:", ""]
    lines += table(("batch", "length", "matrix form", "FFT", "torch's FFT", "picked"), forms(cells.study))
    draw(speeds, keep("training", lines) / "training")


if __name__ == "__main__":
    main()
