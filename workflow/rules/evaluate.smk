# Evaluation: exact match of a trained cell on every test split, in one forward pass.


rule evaluate:
    input:
        unpack(data_files("dataset.json", "world.json", "tokenizer.json", "card.json")),
        splits(but=["train", "valid"]),
        model=rules.train.output.model,
        facts=rules.train.output.facts,
    output:
        metrics=f"{CELL}/metrics.json",
        predictions=f"{CELL}/predictions.parquet",
    log:
        f"{LOGS}/evaluate/{{variant}}/{{architecture}}/seed{{seed}}.log",
    priority: 10  # before further trainings: Snakemake looks through all that is ready whenever a job ends
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
