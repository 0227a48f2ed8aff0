"""What all benchmarks share: the clock, the name of this machine, and the file a table is kept in."""

import platform
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
STUDY = ROOT / "config.yaml"


def best(
    work: Callable[[], object], rounds: int = 5, warm: bool = True, wait: Callable[[], None] = lambda: None
) -> float:
    """Seconds of the fastest round, after one to warm up; `wait` waits for the device that works."""
    if warm:
        work()
    times = []
    for _ in range(rounds):
        wait()
        begun = time.perf_counter()
        work()
        wait()
        times.append(time.perf_counter() - begun)
    return min(times)


def processor() -> str:
    """The name of this machine's processor."""
    about = Path("/proc/cpuinfo")
    names = [line.partition(":")[2] for line in about.read_text().splitlines() if line.startswith("model name")]
    return named(names[0] if names else platform.processor() or platform.machine())


def named(device: str) -> str:
    """The name of a device as that of a folder."""
    return "-".join(re.findall(r"[A-Za-z0-9]+", device)).lower()


def ratios(rows: Sequence[tuple[str, str, float, float, str]]) -> list[str]:
    """A Markdown table of (what, against, ours, peer, unit), printed too; higher is better."""
    columns = ("what", "against", "ours", "peer", "unit", "ratio")
    return table(
        columns,
        [
            (what, against, f"{ours:,.0f}", f"{peer:,.0f}", unit, f"{ours / peer:.1f}")
            for what, against, ours, peer, unit in rows
        ],
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines of Markdown, printed too."""
    shown = Table(*columns)
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)
    return ["| " + " | ".join(cells) + " |" for cells in (columns, ["---"] * len(columns), *rows)]


def keep(topic: str, lines: Sequence[str], by: str = "make bench", device: str = "") -> Path:
    """Write benchmarks/<device>/<topic>.md, made `by` a command; returns the folder. The processor, if no device."""
    device = device or processor()
    folder = Path(__file__).parent / device
    folder.mkdir(exist_ok=True)
    head = [f"# {device}: {topic}", "", f"torch {torch.__version__}, by `{by}`.", ""]
    (folder / f"{topic}.md").write_text("\n".join([*head, *lines]) + "\n")
    return folder
