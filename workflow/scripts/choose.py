"""Rule `choose`: the learning rate of a family on a variant; further rates while the best lies on the edge."""

from pathlib import Path

from lolameme.base.files import read_json, write_json
from lolameme.learning.cell import train_trial
from lolameme.learning.tuning import beyond, choose
from lolameme.runtime import job
from lolameme.runtime.progress import Reporter
from lolameme.study.settings import trial_name

with job.running(snakemake) as study:
    w, path, data = snakemake.wildcards, Path(snakemake.output[0]), Path(snakemake.input.dataset).parent
    training, trials = study.training_of(w.variant), [read_json(trial) for trial in snakemake.input.trials]
    floor = read_json(snakemake.input.floor)
    judged = trial_name(training), floor["floor"], floor["programs"]
    choice = choose(trials, *judged)
    for _ in range(study.tuning.extensions):
        rate = beyond(choice)
        if rate is None or rate > 1:
            break
        decay = next(trial["weight_decay"] for trial in trials if trial["trial"] == choice["chosen"])
        further = training.model_copy(update={"learning_rate": rate, "weight_decay": decay})
        reporter = Reporter(f"{w.variant}/{w.architecture}/{trial_name(further)}", Path(snakemake.params.progress))
        checkpoint = path.with_name(f"{trial_name(further)}.checkpoint.safetensors")
        trials.append(
            train_trial(study, w.variant, w.architecture, further, data, checkpoint, snakemake.threads, reporter)
        )
        choice = choose(trials, *judged)
    write_json(path, choice | {"asked": study.asked(w.variant, w.architecture)})
