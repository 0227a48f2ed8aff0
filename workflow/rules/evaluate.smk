# Evaluation: exact match of a trained cell on every test split, in one forward pass.


rule evaluate:
    input:
        rules.train.output,
        rules.world.output,
        lambda w: splits(w.variant, but=["train", "valid"]),
        dataset=rules.train_split.output.dataset,
        card=rules.card.output.json,
    output:
        metrics=f"{CELL}/metrics.json",
        predictions=f"{CELL}/predictions.parquet",
    log:
        f"{LOGS}/evaluate/{{variant}}/{{architecture}}/seed{{seed}}.log",
    conda:
        ENVIRONMENT
    threads: STUDY.threads
    resources:
        gpu=GPUS,
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code("evaluate.py", of_stack),
    message:
        "Evaluating {wildcards.variant}/{wildcards.architecture}/seed{wildcards.seed}"
    script:
        "../scripts/evaluate.py"
