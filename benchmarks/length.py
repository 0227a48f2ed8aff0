"""What a mixer costs as its input grows: seconds and memory of one training step of one layer, by length.

Every point is a process of its own, so that its peak memory is its own.
"""

import json
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from common import best, keep, table

from lolameme.base.provenance import peak_memory
from lolameme.drawing import style
from lolameme.drawing.panels import spaced
from lolameme.learning.device import Device
from lolameme.models.stack import mixer_class
from lolameme.study.architectures import MIXERS, PURE, label
from lolameme.study.settings import Model

LENGTHS = [2**i for i in range(6, 16)]
MODEL = Model(d_model=64, heads=4)
ONE_THREAD = Device(torch.device("cpu"), bfloat16=False)


def one(
    mixer: str, length: int, device: Device = ONE_THREAD, model: Model = MODEL, batch: int = 1
) -> dict[str, str | float]:
    """Seconds of a forward and backward pass over a batch, and the MB by which memory peaked above its start."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cuda = device.torch_device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    peak = torch.cuda.max_memory_allocated if cuda else peak_memory
    before = peak()
    layer = mixer_class(mixer)(model.model_copy(update={"length": length})).to(device.torch_device)
    x = torch.randn(batch, length, model.d_model, device=device.torch_device, requires_grad=True)

    def step() -> None:
        layer.zero_grad()
        with device.autocast():
            y = layer(x)
        y.float().square().mean().backward()

    seconds = best(step, rounds=2 if length > 8192 else 5, wait=device.synchronise)
    return {"mixer": mixer, "length": length, "seconds": seconds, "mb": (peak() - before) / 2**20}


def measured() -> pd.DataFrame:
    """Every mixer at every length, each in a process of its own."""
    rows = []
    for mixer in MIXERS:
        for length in LENGTHS:
            command = [sys.executable, __file__, mixer, str(length)]
            rows.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    return pd.DataFrame(rows)


def crossover(found: pd.DataFrame) -> str:
    """From which length on each other mixer beats attention, as a sentence."""
    seconds = found.pivot(index="length", columns="mixer", values="seconds")
    words = []
    for mixer in seconds.columns.drop("attention"):
        slower = seconds.index[seconds[mixer] >= seconds["attention"]]
        first = LENGTHS[0] if not len(slower) else 2 * slower.max()
        reached = f"from {first} on" if first <= LENGTHS[-1] else f"not up to {LENGTHS[-1]}"
        words.append(f"{mixer} is faster than attention {reached}")
    return "; ".join(words)


def draw(found: pd.DataFrame, stem: Path) -> None:
    style.apply()
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
    for ax, column, title in zip(axes, ("seconds", "mb"), ("seconds per step", "peak memory, MB"), strict=True):
        for name, mixer in PURE.items():
            mine = found[found["mixer"] == mixer]
            ax.plot(mine["length"], mine[column], "o-", color=style.FAMILY[name], markersize=4)
        ax.set(xscale="log", yscale="log", xlabel="length", title=title)
        ax.set_xticks(LENGTHS[::2], [str(n) for n in LENGTHS[::2]])
        ax.minorticks_off()
        ends = found[found["length"] == LENGTHS[-1]].set_index("mixer")[column]
        low, high = np.log10(ax.get_ylim())
        places = spaced(np.log10(ends), gap=0.06 * (high - low), high=high)
        for name, mixer in PURE.items():
            ax.annotate(
                label(name), (LENGTHS[-1], 10 ** places[mixer]), (6, 0), textcoords="offset points",
                color=style.FAMILY[name], va="center", fontsize=9,
            )  # fmt: skip
    figure.tight_layout(w_pad=4)
    style.save(figure, stem)


def main() -> None:
    found = measured()
    wide = found.pivot(index="length", columns="mixer", values=["seconds", "mb"])
    columns = ["length", *(f"{m}, ms" for m in MIXERS), *(f"{m}, MB" for m in MIXERS)]
    rows = [
        (str(n), *(f"{1000 * row['seconds', m]:.1f}" for m in MIXERS), *(f"{row['mb', m]:.0f}" for m in MIXERS))
        for n, row in wide.iterrows()
    ]
    lines = ["One layer: forward and backward pass over one input, d_model 64, 4 heads, float32, one thread.", ""]
    lines += ["![Seconds and memory by length](length.png)", "", f"{crossover(found)}.", "", *table(columns, rows)]
    draw(found, keep("length", lines) / "length")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(one(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
