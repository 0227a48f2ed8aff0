# Training: where the study asks for it, trials that choose each family's learning rate on valid of the first world;
# then the cells, one job each (variant, architecture, seed), on the world of their seed.


rule trial:
    input:
        unpack(data_files("dataset.json", "train.parquet", "valid.parquet")),
    output:
        f"{TRIALS}/{{trial}}.json",
    log:
        f"{LOGS}/trials/{{variant}}/{{architecture}}/{{trial}}.log",
    conda:
        ENVIRONMENT
    threads: STUDY.threads
    resources:
        gpu=GPUS,
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=minutes(lambda w: STUDY.trials(w.variant)[w.trial]),
    params:
        settings=trial_settings,
        progress=PROGRESS,
        code=code("trial.py", of_stack),
    message:
        "Trying {wildcards.variant}/{wildcards.architecture} at {wildcards.trial}"
    script:
        "../scripts/trial.py"


rule choose:
    input:
        unpack(data_files("dataset.json", "floor.json", "train.parquet", "valid.parquet")),
        trials=lambda w: expand(rules.trial.output, trial=STUDY.trials(w.variant), allow_missing=True),
    output:
        f"{TRIALS}/choice.json",
    log:
        f"{LOGS}/trials/{{variant}}/{{architecture}}/choice.log",
    conda:
        ENVIRONMENT
    threads: STUDY.threads
    resources:
        gpu=GPUS,
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=minutes(lambda w: STUDY.extended(w.variant)),
    params:
        settings=choice_settings,
        progress=PROGRESS,
        code=code("choose.py", of_stack),
    message:
        "Choosing the learning rate of {wildcards.variant}/{wildcards.architecture}"
    script:
        "../scripts/choose.py"


# what a training leaves: weights, where the study takes snapshots also from before its end, and how it went
WEIGHTS = {"model": f"{CELL}/model.safetensors"}
if STUDY.keeps_snapshots:
    WEIGHTS["snapshots"] = f"{CELL}/snapshots.safetensors"
RECORD = {"facts": f"{CELL}/model.json", "history": f"{CELL}/history.parquet"}


rule train:
    input:
        unpack(data_files("dataset.json", "train.parquet", "valid.parquet")),
        choice=choice_of if STUDY.tuning else [],
    output:
        **WEIGHTS,
        **RECORD,
    log:
        f"{LOGS}/train/{{variant}}/{{architecture}}/seed{{seed}}.log",
    conda:
        ENVIRONMENT
    threads: STUDY.threads
    resources:
        gpu=GPUS,
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=minutes(lambda w: STUDY.training_of(w.variant)),
    params:
        settings=training_settings,
        progress=PROGRESS,
        code=code("train.py", of_stack),
    message:
        "Training {wildcards.variant}/{wildcards.architecture}/seed{wildcards.seed}"
    script:
        "../scripts/train.py"


if STUDY.passing_seeds:

    # The same for seeds whose weights do not stay. A file that is gone is made again only for a job that has to read it:
    # what evaluation and analyses have found stays, and so nothing that is made of it trains a cell.
    use rule train as train_passing with:
        output:
            **{name: temp(file) for name, file in WEIGHTS.items()},
            **RECORD,
        wildcard_constraints:
            seed="|".join(map(str, STUDY.passing_seeds)),

    ruleorder: train_passing > train
