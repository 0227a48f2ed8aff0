# Training: one job per cell (variant, architecture, seed).


rule train:
    input:
        dataset=rules.train_split.output.dataset,
        splits=lambda w: [f"{DATA}/{w.variant}/{split}.parquet" for split in ("train", "valid")],
    output:
        model=f"{CELL}/model.safetensors",
        facts=f"{CELL}/model.json",
        history=f"{CELL}/history.parquet",
    log:
        f"{LOGS}/train/{{variant}}/{{architecture}}/seed{{seed}}.log",
    benchmark:
        f"{LOGS}/train/{{variant}}/{{architecture}}/seed{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: STUDY.threads
    resources:
        gpu=GPUS,
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 240 * attempt,
    params:
        settings=training_settings,
        progress=PROGRESS,
        code=sources(
            "scripts/train.py",
            "lolameme/models",
            *(f"lolameme/training/{part}.py" for part in ("cell", "checkpoint", "data", "device", "loop")),
            "lolameme/evaluation/exact_match.py",
            "lolameme/seeds.py",
        ),
    message:
        "Training {wildcards.variant}/{wildcards.architecture}/seed{wildcards.seed}"
    script:
        "../scripts/train.py"
