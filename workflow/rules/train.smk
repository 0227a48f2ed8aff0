# Training: one job per cell (variant, architecture, seed).
CELL = f"{CELLS}/{{variant}}/{{architecture}}/seed{{seed}}"


def training_settings(wildcards):
    return settings(STUDY.model, STUDY.training_of(wildcards.variant))


rule train:
    message:
        "Training {wildcards.variant}/{wildcards.architecture}/seed{wildcards.seed}"
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
    params:
        settings=training_settings,
        progress=PROGRESS,
        code=sources("models", "training", "evaluation/exact_match.py", "seeds.py"),
    threads: STUDY.threads
    resources:
        gpu=GPUS,
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 240 * attempt,
    conda:
        ENVIRONMENT
    script:
        "../scripts/train.py"
