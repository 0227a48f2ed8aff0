"""What a study takes, before anything runs: jobs, time, disk and memory, from a sample of its data and a few of its
training steps.

Operations are those of the formulas in `models.cost`; how many this machine does in a second is measured, for every
variant and family of architectures.
"""

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from lolameme.base import bounded
from lolameme.base.files import read_json, read_table
from lolameme.data.dataset import Builder
from lolameme.learning import speed
from lolameme.learning.batches import COLUMNS, Split
from lolameme.learning.cell import TRAIN_SAMPLE
from lolameme.learning.device import Device
from lolameme.models.cost import flops_per_token, matched, parameter_count
from lolameme.reporting import registry
from lolameme.study import architectures
from lolameme.study.config import Study
from lolameme.study.settings import Model, Training

ASSUMED = 50e12  # operations per second of a GPU in use, where there is none to measure: not measured
JOB = 0.8  # seconds of a processor per job that trains nothing, measured in the study `quick`
_SAMPLE = 1024  # programs per split that are written to see what they take
_PROCESS, _STATE = 0.4e9, 16  # bytes: of a process with torch; per parameter: weight, gradient and AdamW's two
_KEPT = 24  # numbers per token, layer and channel that a step keeps for its backward pass, of 4 bytes; on a GPU of 2
_TOKEN = 8  # bytes that a token of the training data takes in memory
_CELL, _QUERY = 40_000, 40  # bytes of a cell's files besides weights and of its copy in MLflow; per query asked


@dataclass
class Cost:
    """What a study takes; seconds are of a processor, but for trainings on a GPU, where they are the GPU's."""

    jobs: Counter[str]  # by rule
    further: int  # trials beyond the grid, at most
    data_seconds: float
    trial_seconds: float
    cell_seconds: float
    rates: list[float]  # operations per second
    measured: bool  # the rates, not assumed
    gpu: bool
    cores: int
    at_once: int  # trainings side by side
    data_bytes: float
    weight_bytes: float  # that stay
    passing_bytes: float  # while trainings go on: checkpoints, and weights that do not stay
    result_bytes: float
    memory: float  # bytes, of the largest training
    gpu_memory: float  # of it, on the GPU

    @property
    def cells(self) -> int:
        return self.jobs["train"] + self.jobs["train_passing"]

    @property
    def trials(self) -> int:
        return self.jobs["trial"]

    @property
    def other_jobs(self) -> int:
        return self.jobs.total() - self.cells - self.trials

    @property
    def other_seconds(self) -> float:
        return JOB * self.other_jobs

    @property
    def training_seconds(self) -> float:
        return self.trial_seconds + self.cell_seconds

    @property
    def disk_bytes(self) -> float:
        return self.data_bytes + self.weight_bytes + self.result_bytes

    @property
    def wall_seconds(self) -> float:
        """Seconds from beginning to end on this machine, all its cores in use, or on one GPU."""
        on_processors = self.data_seconds + self.other_seconds
        if self.gpu:
            return self.training_seconds + on_processors / self.cores
        return (self.training_seconds + on_processors) / self.cores


@dataclass
class _Sample:
    """A variant as a few programs of it show it."""

    programs: dict[str, int]  # by split, in the whole
    tokens: dict[str, float]  # by split, per program
    queries: float  # of all tests
    watched: float  # training programs that are scored at every look
    bytes: float  # of the whole in one world
    seconds: float  # to write its training programs
    vocabulary: int
    longest: int  # tokens of a training program


def jobs(study: Study) -> Counter[str]:
    """How many jobs of each rule the study has, as Snakemake plans them where nothing is there."""
    exhibits, worlds = registry.collect(study), len(study.world_seeds)
    cells, per_world = len(study.cells), len(study.variants) * worlds
    passing = cells * len(study.passing_seeds) // len(study.seeds)
    tuned = {variant: len(study.tuned_stacks(variant)) for variant in study.variants}
    found = Counter(dict.fromkeys(("world", "train_split", "card", "reach"), per_world))
    found["held_out"] = worlds * sum(len(variant.programs()) - 1 for variant in study.variants.values())
    if study.tuning:
        found["floor"] = len(study.variants)
        found["trial"] = sum(stacks * len(study.trials(variant)) for variant, stacks in tuned.items())
        found["choose"] = sum(tuned.values())
    found |= {"train": cells - passing, "train_passing": passing, "evaluate": cells}
    found |= {"analyse": cells * len(study.analyses), "pool": len(study.analyses)}
    found |= {"table": len(exhibits.tables), "figure": len(exhibits.figures), "database": not study.tracking}
    found |= dict.fromkeys(("predict", "latex", "track", "page", "all"), 1)
    return +Counter({rule: int(count) for rule, count in found.items()})


def cost(study: Study) -> Cost:
    """Estimate a study: some seconds per variant. Raises ConfigError where its data cannot be drawn."""
    gpu = study.device == "cuda"
    measured = not gpu or _has_gpu()
    device = Device.choose(study.device, threads=study.threads) if measured else None
    gpu = gpu or (device is not None and device.torch_device.type == "cuda")
    cores = bounded.processors()
    at_once = 1 if gpu else max(1, cores // study.threads)
    tuned = sum(len(study.tuned_stacks(variant)) for variant in study.variants)
    extensions = study.tuning.extensions if study.tuning else 0
    found = Cost(
        jobs=jobs(study), further=extensions * tuned, data_seconds=0,
        trial_seconds=0, cell_seconds=0, rates=[], measured=measured, gpu=gpu, cores=cores, at_once=at_once,
        data_bytes=0, weight_bytes=0, passing_bytes=0, result_bytes=0, memory=0, gpu_memory=0,
    )  # fmt: skip
    bodies: dict[tuple[str, int], int] = {}  # parameters besides the embedding, by stack and width
    for name in study.variants:
        with tempfile.TemporaryDirectory() as folder:
            sample = _sample(study, name, Path(folder))
            found.data_bytes += len(study.world_seeds) * sample.bytes
            found.data_seconds += len(study.world_seeds) * sample.seconds
            rates: dict[str, float] = {}  # by family
            for stack in study.stacks_of(name):
                training = study.training_of(name, stack)
                model = architectures.model_of(stack, study.model)
                model = matched(study.match, stack, model, sample.vocabulary, sample.longest, training.batch)
                flops = flops_per_token(stack, model, sample.vocabulary, sample.longest, training.batch)
                family = architectures.family(stack)
                if family not in rates:
                    rates[family] = (
                        speed.operations_per_second(
                            stack, model, sample.vocabulary, training, flops, Path(folder, "train.parquet"), device
                        )
                        if device
                        else ASSUMED
                    )
                if (stack, model.d_model) not in bodies:
                    bodies[stack, model.d_model] = parameter_count(stack, model, 1) - model.d_model
                parameters = bodies[stack, model.d_model] + sample.vocabulary * model.d_model
                _add(found, study, name, stack, model, sample, training, flops / rates[family], parameters)
            found.rates += rates.values()
    return found


def _add(
    found: Cost, study: Study, name: str, stack: str, model: Model, sample: _Sample, training: Training,
    per_token: float, parameters: int,
) -> None:  # fmt: skip
    """Add the cells of a stack on a variant, and its trials, to what was found; `per_token`: seconds forward."""
    tests = sum(sample.programs[split] * sample.tokens[split] for split in study.tests[name])
    found.cell_seconds += len(study.seeds) * per_token * (_tokens(training, sample) + tests)
    if stack in study.tuned_stacks(name):
        found.trial_seconds += sum(per_token * _tokens(each, sample) for each in study.trials(name).values())
    weights, passing = 4.0 * parameters * (1 + len(training.snapshots)), len(study.passing_seeds)
    found.weight_bytes += (len(study.seeds) - passing) * weights
    # a checkpoint holds AdamW's two means as well; weights that do not stay are looked into while the next cell trains
    at_once = weights + 8.0 * parameters + (weights if passing else 0)
    found.passing_bytes = max(found.passing_bytes, found.at_once * at_once)
    found.result_bytes += len(study.seeds) * (_CELL * (1 + len(study.analyses)) + _QUERY * sample.queries)
    kept = training.batch * sample.tokens["train"] * model.layers * model.d_model * _KEPT * (2 if found.gpu else 4)
    data = sample.programs["train"] * sample.tokens["train"] * _TOKEN
    on_device = _STATE * parameters + kept
    found.memory = max(found.memory, _PROCESS + data + (0 if found.gpu else on_device))
    found.gpu_memory = max(found.gpu_memory, on_device if found.gpu else 0)


def _tokens(training: Training, sample: _Sample) -> float:
    """Tokens that a training passes forward, those of its steps counted as often as they cost."""
    looks = 1 + -(-training.steps // training.evaluate_every)
    watched = sample.programs["valid"] * sample.tokens["valid"]
    watched += sample.watched * sample.tokens["train"]
    return speed.TRAINED * training.steps * training.batch * sample.tokens["train"] + looks * watched


def _sample(study: Study, name: str, folder: Path) -> _Sample:
    """Write a few programs of every split, and see what they take."""
    whole, of = Builder(study, name), study.variants[name]
    sizes = {split: min(_SAMPLE, size) for split, size in of.sizes.model_dump().items()}
    few = of.model_copy(update={"sizes": type(of.sizes)(**sizes)})
    builder = Builder(study.model_copy(update={"variants": {name: few}}), name)
    builder.write_world(folder)
    for split in builder.programs:
        if split != "train":
            builder.write_split(split, folder)
    begun = process_time()
    builder.write_train(folder)
    taken = process_time() - begun
    programs = {split: whole.size(split) for split in whole.programs}
    drawn = {split: Split(read_table(folder / f"{split}.parquet", COLUMNS)) for split in programs}
    share = {split: programs[split] / len(drawn[split]) for split in programs}
    size = {split: (folder / f"{split}.parquet").stat().st_size for split in programs}
    facts = read_json(folder / "dataset.json")
    return _Sample(
        programs=programs,
        tokens={split: float(drawn[split].lengths.mean()) for split in programs},
        watched=min(programs["train"], TRAIN_SAMPLE / drawn["train"].queries.mean()),
        queries=sum(share[split] * drawn[split].queries.sum() for split in study.tests[name]),
        bytes=sum(share[split] * size[split] for split in programs),
        seconds=taken * share["train"],
        vocabulary=facts["vocabulary"],
        longest=facts["splits"]["train"]["longest"],
    )


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
