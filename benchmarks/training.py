"""The speed of training steps and of evaluation, beside that of their peers.

Training: a whole step, data path and optimiser included, against Hugging Face's GPT-2 and the published form of the
Hyena operator, at the shapes of three studies. Evaluation: one teacher-forced pass against greedy decoding.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from common import ROOT, STUDY, best, keep, ratios, table
from torch import nn

from lolameme import config
from lolameme.evaluation.decoding import greedy
from lolameme.evaluation.exact_match import score
from lolameme.files import read_json
from lolameme.languages.dataset import Builder
from lolameme.models import convolution, stack
from lolameme.models.cost import flops_per_token
from lolameme.models.hyena import Hyena
from lolameme.training.data import Order, Split
from lolameme.training.device import Device
from lolameme.training.optimiser import AdamW

SHAPES = {  # study: its file, programs per step here, steps per round
    "quick": (STUDY, 8, 50),
    "cpu": (ROOT / "studies/cpu.yaml", 8, 20),
    "paper": (ROOT / "studies/paper.yaml", 8, 1),
}


class PlainHyena(Hyena):
    """The same operator as published code has it: a grouped Conv1d, channels first, and always the FFT."""

    def mix(self, z: torch.Tensor) -> torch.Tensor:
        L, D = z.shape[1], self.out.in_features
        weight = self.short.weight.flip(0).T[:, None]  # (3D, 1, taps)
        z = nn.functional.conv1d(z.transpose(1, 2), weight, self.short.bias, padding=2, groups=3 * D)
        *gates, v = z[..., :L].split(D, dim=1)  # each (B, D, L)
        for gate, h, bias in zip(gates[:0:-1], self.filters(L), self.bias, strict=True):
            v = v * gate
            spectrum = torch.fft.rfft(v, n=2 * L) * torch.fft.rfft(h, n=2 * L) / (2 * L)
            v = torch.fft.irfft(spectrum, n=2 * L, norm="forward")[..., :L] + v * bias[:, None]
        return (v * gates[0]).transpose(1, 2)


class Cells:
    """Training programs of `multi_language` in the shape of a study."""

    def __init__(self, name: str, folder: Path):
        path, self.batch, self.steps = SHAPES[name]
        study = config.load(path)
        variant = study.variants["multi_language"]
        sizes = variant.sizes.model_copy(update={"train": 2000, "valid": 50, "test": 50})
        few = variant.model_copy(update={"sizes": sizes})
        self.study = study.model_copy(update={"variants": {"multi_language": few}})
        Builder(self.study, "multi_language").write(folder)
        self.split = Split.read(folder / "train.parquet")
        self.vocabulary = read_json(folder / "dataset.json")["vocabulary"]
        self.longest = int(self.split.lengths.max())

    def model(self, architecture: str) -> stack.Stack:
        return stack.build(architecture, self.study.model, self.vocabulary, self.longest, seed=1)

    def ours(self, architecture: str, precision: str = "float32") -> Callable[[], int]:
        """A round of training steps, as cells are trained; returns the tokens seen."""
        device, model = Device.choose("cpu", precision, 1), self.model(architecture)
        optimiser = AdamW(*model.parameters_by_decay(), 0.1, (0.9, 0.98))
        order = Order(len(self.split), self.batch, 1)

        def work() -> int:
            tokens = 0
            for step in range(self.steps):
                data = self.split.batch(order[step])
                _, losses = device.losses(model, data)
                optimiser.zero_grad()
                losses.mean().backward()
                torch.nn.utils.clip_grad_norm_(optimiser.parameters, 1.0)
                optimiser.step(1e-3)
                tokens += len(data.tokens)
            return tokens

        return work

    def peer(self, architecture: str) -> Callable[[], int]:
        """The same with Hugging Face's GPT-2, or with the published Hyena operator in our blocks.

        The head at every position, as language models have it, and AdamW as it comes.
        """
        model = hugging_face(self.study.model, self.vocabulary, self.longest) if architecture == "gpt2" else None
        if model is None:
            model = self.model(architecture)
            for block in model.blocks:
                if isinstance(block.mixer, Hyena):
                    block.mixer.__class__ = PlainHyena
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
        order = Order(len(self.split), self.batch, 1)

        def work() -> int:
            tokens = 0
            for step in range(self.steps):
                data = self.split.batch(order[step])
                output = model(data.layout.spread(data.tokens[:, None]).squeeze(2))
                logits = data.layout.gather(output.logits if architecture == "gpt2" else output)
                loss = nn.functional.cross_entropy(logits, data.targets)
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                tokens += len(data.tokens)
            return tokens

        return work


def hugging_face(model: config.Model, vocabulary: int, longest: int) -> nn.Module:
    """GPT-2 of the same shape, by `transformers`."""
    from transformers import GPT2Config, GPT2LMHeadModel

    drop = {"attn_pdrop": model.attention_dropout, "embd_pdrop": model.dropout, "resid_pdrop": model.dropout}
    inner = round(model.inner * model.d_model)
    sizes = {"n_embd": model.d_model, "n_layer": model.layers, "n_head": model.heads, "n_positions": longest}
    return GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, n_inner=inner, **sizes, **drop))


def alternately(ours: Callable[[], int], peer: Callable[[], int], rounds: int) -> tuple[float, float]:
    """Tokens per second of both, the best of rounds in turn, so that a slow moment of the machine meets both."""
    tokens = ours()
    times = [(best(ours, 1, warm=False), best(peer, 1, warm=False)) for _ in range(rounds + 1)][1:]
    return tuple(tokens / min(seconds) for seconds in zip(*times, strict=True))


def training(name: str, folder: Path) -> tuple[list, str]:
    cells, rows = Cells(name, folder), []
    for architecture in ("gpt2", "hyena"):
        against = "Hugging Face's GPT-2" if architecture == "gpt2" else "published operator"
        speeds = alternately(cells.ours(architecture), cells.peer(architecture), 8 if name == "quick" else 3)
        rows.append((f"training step, {architecture}, {name}", against, *speeds, "tokens/s"))
        if name == "paper":
            half = cells.ours(architecture, "bfloat16")
            rows.append(
                (f"ours in bfloat16, {architecture}, {name}", against, half() / best(half, 2), speeds[1], "tokens/s")
            )
    model, length = cells.study.model, float(cells.split.lengths.mean())
    flops = 3 * flops_per_token("gpt2", model, cells.vocabulary, cells.longest, cells.batch)
    about = (
        f"- {name}: {model.layers} layers, width {model.d_model}, vocabulary {cells.vocabulary}, batches of "
        f"{cells.batch} programs of {length:.0f} tokens on average; GPT-2 trains at "
        f"{rows[0][2] * flops / 1e9:.0f} GFLOP/s (forward and backward pass of all positions, by formula)"
    )
    return rows, about


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
    """Milliseconds of both fast forms of the convolution, forward and backward, and which one is picked."""
    rows = []
    for batch in (8, 16, 64):
        for length in (6, 16, 32, 48, 64, 96, 256):
            v = torch.randn(batch, length, study.model.d_model, requires_grad=True)
            k = torch.randn(study.model.d_model, length, requires_grad=True)
            times = [
                1000 * best(lambda f=form: torch.autograd.grad(f(v, k).sum(), (v, k)), rounds=7)  # noqa: B023 (called at once)
                for form in (convolution.toeplitz, convolution.fft)
            ]
            rows.append((str(batch), str(length), *(f"{t:.2f}" for t in times), convolution.form(v).__name__))
    return rows


def main() -> None:
    torch.set_num_threads(1)
    rows, abouts = [], []
    with TemporaryDirectory() as name:
        for shape in SHAPES:
            made, about = training(shape, Path(name))
            rows, abouts = rows + made, [*abouts, about]
        cells = Cells("quick", Path(name))
        for architecture in ("gpt2", "hyena"):
            rows += evaluation(cells, architecture)
    lines = ["One thread, float32.", "", *ratios(rows), "", *abouts, ""]
    lines += ["Forms of the long convolution, forward and backward, milliseconds:", ""]
    lines += table(("batch", "length", "matrix form", "FFT", "picked"), forms(cells.study))
    keep("training", lines)


if __name__ == "__main__":
    main()
