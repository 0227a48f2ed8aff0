# Analyses: what a trained cell does inside. One job per analysis and cell; then the rows of all cells in one table.
ANALYSIS = str(PATHS.analysis("{analysis}", "{variant}", "{architecture}", "{seed}"))


rule analyse:
    input:
        unpack(data_files("dataset.json", "world.json", "tokenizer.json", "test.parquet")),
        **WEIGHTS,
        facts=rules.train.output.facts,
    output:
        ANALYSIS,
    log:
        f"{LOGS}/analyses/{{analysis}}/{{variant}}/{{architecture}}/seed{{seed}}.log",
    wildcard_constraints:
        analysis="|".join(STUDY.analyses) or "none",
    priority: 10  # before further trainings: Snakemake looks through all that is ready whenever a job ends
    conda:
        ENVIRONMENT
    threads: STUDY.threads
    resources:
        gpu=GPUS,
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        settings=lambda w: settings(STUDY.analyses[w.analysis]),
        columns=columns,
        code=code("analyse.py", of_analysis),
    message:
        "Looking into {wildcards.variant}/{wildcards.architecture}/seed{wildcards.seed}: {wildcards.analysis}"
    script:
        "../scripts/analyse.py"


rule pool:
    input:
        of_every_cell(ANALYSIS),
    output:
        parquet=f"{TABLES}/{{analysis}}.parquet",
        csv=f"{TABLES}/{{analysis}}.csv",
    log:
        f"{LOGS}/analyses/{{analysis}}.log",
    wildcard_constraints:
        analysis="|".join(STUDY.analyses) or "none",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("pool.py"),
    message:
        "Gathering all cells: {wildcards.analysis}"
    script:
        "../scripts/pool.py"
