# Tables, figures and the report page: from result files alone.
PRINTED = ["leaderboard", "learning_order", "cost", "claims"]  # as LaTeX, too
TABLE_NAMES = ["cells", "slices", "learning", "comparisons", "tuning", *PRINTED]
FIGURE_NAMES = selection.figures(STUDY)
PICTURE_NAMES = [*(["framework"] if STUDY.illustrated else []), "stacks"]


rule tables:
    input:
        METRICS,
        HISTORIES,
        CHOICES,
    output:
        [f"{TABLES}/{name}.parquet" for name in TABLE_NAMES],
        report(
            [f"{TABLES}/{name}.csv" for name in TABLE_NAMES],
            caption="../report/tables.rst",
            category="Tables",
        ),
        [f"{TABLES}/{name}.tex" for name in PRINTED],
    log:
        f"{LOGS}/tables.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code("tables.py"),
    message:
        "Gathering {TABLES}"
    script:
        "../scripts/tables.py"


rule figures:
    input:
        tables=[f"{TABLES}/{name}.parquet" for name in ("cells", "learning", "leaderboard", "slices")],
    output:
        drawings(FIGURE_NAMES, "Results"),
    log:
        f"{LOGS}/figures.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        settings=" ".join(FIGURE_NAMES),
        code=code("figures.py"),
    message:
        "Drawing {FIGURES}"
    script:
        "../scripts/figures.py"


rule framework:
    input:
        world=f"{PATHS.data(STUDY.illustrated, STUDY.world_seeds[0])}/world.json",
        programs=f"{PATHS.data(STUDY.illustrated, STUDY.world_seeds[0])}/test.parquet",
    output:
        drawings(["framework"], "Framework"),
    log:
        f"{LOGS}/framework.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=STUDY.illustrated,
        code=code("framework.py"),
    message:
        "Drawing the framework"
    script:
        "../scripts/framework.py"


rule stacks:
    output:
        drawings(["stacks"], "Framework"),
    log:
        f"{LOGS}/stacks.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=STUDY.stacks,
        code=code("stacks.py"),
    message:
        "Drawing the stacks"
    script:
        "../scripts/stacks.py"


rule page:
    input:
        tables=[f"{TABLES}/{name}.parquet" for name in TABLE_NAMES],
        figures=[f"{FIGURES}/{name}.svg" for name in FIGURE_NAMES + PICTURE_NAMES],
        cards=first_world("card.json"),
        runs=str(PATHS.runs),
    output:
        PAGE,
    log:
        f"{LOGS}/page.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings(STUDY),
        code=code("page.py"),
    message:
        "Writing {PAGE}"
    script:
        "../scripts/page.py"
