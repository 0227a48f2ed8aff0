# Evaluation: exact match of a trained cell on every test split, in one forward pass.


rule evaluate:
    message:
        "Evaluating {wildcards.variant}/{wildcards.architecture}/seed{wildcards.seed}"
    input:
        rules.train.output,
        rules.world.output,
        lambda w: [path for path in splits(w.variant) if not path.endswith(("/train.parquet", "/valid.parquet"))],
        dataset=rules.train_split.output.dataset,
        card=rules.card.output.json,
    output:
        metrics=f"{CELL}/metrics.json",
        predictions=f"{CELL}/predictions.parquet",
    log:
        f"{LOGS}/evaluate/{{variant}}/{{architecture}}/seed{{seed}}.log",
    params:
        code=sources("evaluation", "cell.py"),
    threads: STUDY.threads
    resources:
        gpu=GPUS,
        mem_mb=4000,
        runtime=30,
    conda:
        ENVIRONMENT
    script:
        "../scripts/evaluate.py"
