"""How fast a device trains: steps beside their peers, layers by length, cells side by side, a study of one cell."""

import functools
import importlib.util
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import together
import torch
import yaml
from common import ROOT, best, table
from gpu_bench import STUDIES, VARIANT, Bench, Listed, Measurement, sentence
from length import one
from training import PEERS, alternately, torch_fft

from cells import start
from lolameme.base.files import read_json
from lolameme.data.dataset import Builder
from lolameme.learning.device import Device
from lolameme.models import convolution
from lolameme.models.cost import flops_per_token
from lolameme.study import config

CELL = "thex-2"  # of the cells that run side by side, and of the study


@functools.cache
def peak(kind: str, precision: str, size: int) -> float:
    """Operations per second of a large product of matrices: what MFU is relative to."""
    device = Device.choose(kind, precision, 1)
    dtype = torch.bfloat16 if device.bfloat16 else torch.float32
    a, b = torch.randn(2, size, size, device=device.torch_device, dtype=dtype).unbind()

    def work() -> None:
        for _ in range(20):
            a @ b

    return 40 * size**3 / best(work, 5, wait=device.synchronise)


def of_steps(bench: Bench, name: str, architecture: str) -> Measurement:
    """Tokens per second of training steps: ours, the peer's, and ours compiled, in turn."""
    cells, precision = bench.cells(name), bench.precision
    works = [cells.ours(architecture, precision), cells.peer(architecture, precision)]
    works[0]()  # kernels are chosen by now, which a compiler could not follow
    begun, failed = time.perf_counter(), ""
    made = cells.ours(architecture, precision, "inductor" if bench.kind == "cuda" else "eager")
    try:
        made()
        works.append(made)
    except Exception as problem:  # whether it compiles is a matter of the machine; the others are measured all the same
        failed = sentence(problem)
    compiling = time.perf_counter() - begun
    ours, peer, *compiled = alternately(works, bench.sizes.rounds, Device.choose(bench.kind, precision, 1).synchronise)
    model, length = cells.study.model, round(float(cells.split.lengths.mean()))
    flops = 3 * flops_per_token(architecture, model, cells.vocabulary, length, cells.batch)
    return {
        "precision": precision,
        "batch": cells.batch,
        "length": length,
        "ours": ours,
        "peer": peer,
        "compiled": compiled[0] if compiled else None,
        "compiling": compiling,
        "failed to compile": failed,
        "flops": ours * flops,
        "peak": peak(bench.kind, precision, bench.sizes.matmul),
    }


def steps(bench: Bench) -> Listed:
    for name in bench.sizes.shapes:
        for architecture in PEERS:
            yield f"{architecture}, {name}", partial(of_steps, bench, name, architecture)


def steps_table(found: dict[str, Measurement]) -> list[str]:
    columns = ("stack, shape", "programs x tokens", "steps/s", "tokens/s", "MFU", "peer, tokens/s", "ours / peer")
    rows = []
    for name, m in found.items():
        per_step = m["batch"] * m["length"]
        row = [name, f"{m['batch']} x {m['length']}", f"{m['ours'] / per_step:,.1f}", f"{m['ours']:,.0f}"]
        row += [f"{100 * m['flops'] / m['peak']:.1f} %", f"{m['peer']:,.0f}", f"{m['ours'] / m['peer']:.2f}"]
        row += [f"{m['compiled'] / m['ours']:.2f}" if m["compiled"] else "fails", f"{m['compiling']:.0f}"]
        rows.append(row)
    precision, peak = next((m["precision"], m["peak"]) for m in found.values())
    return [
        f"Training steps at the shapes and batches of the studies' `{VARIANT}`, with data path and optimiser, in",
        f"{precision}, in turn. MFU: operations of all positions by formula, of which ours leaves some out, relative",
        f"to a product of large matrices here, {peak / 1e12:.3g} TFLOP/s. The peers, in the same precision:",
        f"{' and '.join(PEERS.values())}.",
        "",
        *table((*columns, "compiled / ours", "s to compile"), rows),
        *(f"- {name}: {m['failed to compile']}" for name, m in found.items() if m["failed to compile"]),
    ]


def of_layer(bench: Bench, mixer: str, length: int) -> Measurement:
    """Seconds and memory of one layer."""
    found = one(mixer, length, bench.device(bench.precision), bench.sizes.layer, bench.sizes.tokens // length)
    return found if bench.kind == "cuda" else found | {"mb": None}  # a CPU's process knows its own peak alone


def of_transform(bench: Bench, half: bool, length: int) -> Measurement:
    """Seconds of one long convolution, forward: ours, or torch's FFT in half precision, for powers of two alone."""
    device, sizes = bench.device("float32").torch_device, bench.sizes
    dtype, form = (torch.float16, torch_fft) if half else (torch.float32, convolution.fft)
    v = torch.randn(sizes.layer.d_model, sizes.tokens // length, length, device=device).to(dtype)
    k = torch.randn(sizes.layer.d_model, length, device=device).div(length).to(dtype)
    with torch.inference_mode():
        seconds = best(lambda: form(v, k), wait=bench.device("float32").synchronise)
    return {"length": length, "seconds": seconds, "mb": None}


def by_length(bench: Bench) -> Listed:
    for length in bench.sizes.lengths:
        for mixer in ("attention", "hyena"):
            yield f"{mixer}, {length}", partial(of_layer, bench, mixer, length)
    for length in bench.sizes.lengths:
        yield f"FFT in float32, {length}", partial(of_transform, bench, False, length)
        if bench.kind == "cuda":  # torch has none in half precision for a CPU
            yield f"FFT in float16, {length}", partial(of_transform, bench, True, length)


def by_length_table(found: dict[str, Measurement]) -> list[str]:
    whats = list(dict.fromkeys(name.rpartition(", ")[0] for name in found))
    weighed = list(dict.fromkeys(name.rpartition(", ")[0] for name, m in found.items() if m["mb"] is not None))

    def shown(what: str, length: int, key: str, form: str, factor: float = 1) -> str:
        value = found.get(f"{what}, {length}", {}).get(key)
        return "" if value is None else format(factor * value, form)

    rows = [
        [str(length)]
        + [shown(what, length, "seconds", ".2f", 1000) for what in whats]
        + [shown(what, length, "mb", ",.0f") for what in weighed]
        for length in sorted({m["length"] for m in found.values()})
    ]
    return [
        "One layer, forward and backward pass, and one long convolution by FFT, forward; as many tokens",
        "at every length.",
        "",
        *table(("length", *(f"{what}, ms" for what in whats), *(f"{what}, MB" for what in weighed)), rows),
    ]


def reduced(bench: Bench, name: str, to: str, steps: int, programs: int, **changes: Any) -> Path:
    """A study of one cell of another's, of so many steps and training programs, as a file."""
    document = yaml.safe_load(STUDIES[name].read_text())
    variant = document["variants"][VARIANT] | {"architectures": [CELL]}
    variant["sizes"] = {"train": programs, "valid": 50, "test": 50}
    training = document["training"] | {"steps": steps, "evaluate_every": max(1, steps // 2)}
    kept = {key: document[key] for key in ("languages", "model")}
    made = {"study": to, "device": bench.kind, "seeds": [1], "architectures": [CELL], "training": training}
    path = bench.folder / f"{to}.yaml"
    path.write_text(yaml.safe_dump(kept | made | {"variants": {VARIANT: variant}} | changes, sort_keys=False))
    return path


def side_by_side(bench: Bench, at_once: int) -> Measurement:
    """So many cells of a study at once, each a process, start-up included."""
    name, steps, programs = bench.sizes.cell
    study, data = reduced(bench, name, "gpu_cells", steps, programs), bench.folder / "data"
    if not (data / VARIANT / "dataset.json").exists():
        Builder(config.load(study), VARIANT).write(data / VARIANT)
    with tempfile.TemporaryDirectory() as place:
        begun = time.perf_counter()
        processes = [start(data, place, (VARIANT, CELL, seed), 1, False, study) for seed in range(1, at_once + 1)]
        ended = [process.wait() for process in processes]
        seconds = time.perf_counter() - begun
        if any(ended):
            raise RuntimeError(f"{sum(map(bool, ended))} of {at_once} trainings failed; what they said is above")
        facts = [json.loads(path.read_text()) for path in Path(place).rglob("model.json")]
    speed = sum(steps / fact["train_seconds"] for fact in facts)
    memory = max(fact["peak_memory_bytes"] for fact in facts) / 2**20
    return {"at once": at_once, "study": name, "steps": steps, "seconds": seconds, "speed": speed, "mb": memory}


def packings(bench: Bench) -> Listed:
    for at_once in bench.sizes.at_once:
        yield str(at_once), partial(side_by_side, bench, at_once)


def packings_table(found: dict[str, Measurement]) -> list[str]:
    columns = ("processes", "seconds", "cells per hour", "steps/s of all, training alone", "MB each")
    rows = []
    for name, m in found.items():
        per_hour = 3600 * m["at once"] / m["seconds"]
        rows.append((name, f"{m['seconds']:.0f}", f"{per_hour:,.0f}", f"{m['speed']:,.1f}", f"{m['mb']:,.0f}"))
    study, steps = next((m["study"], m["steps"]) for m in found.values())
    return [
        f"Cells of the {study} study ({CELL} on `{VARIANT}`), of {steps} steps each, side by side:",
        "",
        *table(columns, rows),
    ]


def of_seeds(bench: Bench, name: str, architecture: str, seeds: int) -> Measurement:
    """Forward and backward pass of several seeds' models, one after another and as one."""
    return together.of_seeds(bench.cells(name), architecture, seeds, bench.device(bench.precision), bench.sizes.rounds)


def in_one_model(bench: Bench) -> Listed:
    small = [name for name in bench.sizes.shapes if name != "paper"]  # at whose width a GPU is busy with one
    for name, architecture, seeds in itertools.product(small, together.STACKS, bench.sizes.seeds):
        yield f"{architecture}, {name}, {seeds}", partial(of_seeds, bench, name, architecture, seeds)


def in_one_model_table(found: dict[str, Measurement]) -> list[str]:
    return [
        "Seeds of a stack as one model whose parameters have a dimension of seeds, beside one model after another;",
        "gradients differ relative to the largest of a tensor.",
        "",
        *together.rows(found),
    ]


def of_study(bench: Bench) -> Measurement:
    """A study of one cell, from data to report, by Snakemake, in a folder of its own."""
    if importlib.util.find_spec("snakemake") is None:
        raise RuntimeError("Snakemake is not installed here; make gpu installs it")
    name, steps, programs = bench.sizes.study
    settings = {"patching": {"kinds": ["names"], "prompts": 32}}
    analyses = {analysis: settings.get(analysis, {}) for analysis in bench.sizes.analyses}
    path, place = reduced(bench, name, "gpu_study", steps, programs, analyses=analyses), bench.folder / "study"
    shutil.rmtree(place, ignore_errors=True)  # what is there would not be measured
    place.mkdir()
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(place), "--configfile", str(path)]
    begun = time.perf_counter()
    with (place / "output.log").open("w") as log:
        done = subprocess.run(command, stdout=log, stderr=log)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"the study ended with {done.returncode}; what it said is in {place / 'output.log'}")
    results = place / "results/gpu_study"
    cell = results / "cells" / VARIANT / CELL / "seed1"
    facts, metrics = read_json(cell / "model.json"), read_json(cell / "metrics.json")
    return {
        **{key: facts[key] for key in ("device", "precision", "attention")},
        "exact match": metrics["splits"]["test"]["exact_match"],
        "analyses": len(list((results / "analyses").iterdir())),
        "tables": len(list((results / "tables").glob("*.parquet"))),
        "figures": len(list((place / "reports/gpu_study/figures").glob("*.svg"))),
        "training, s": facts["train_seconds"],
        "in all, s": seconds,
    }


def studies(bench: Bench) -> Listed:
    yield f"{CELL} of {bench.sizes.study[0]}", partial(of_study, bench)


def studies_table(found: dict[str, Measurement]) -> list[str]:
    columns = [key for key in next(iter(found.values())) if key not in ("version", "session")]
    rows = [[f"{m[c]:.2f}" if isinstance(m[c], float) else str(m[c]) for c in columns] for m in found.values()]
    return ["A study of one cell by Snakemake, from data to report:", "", *table(columns, rows)]
