# Tables, figures and the report page: from result files alone.
PRINTED = ["leaderboard", "learning_order", "cost", "claims"]  # as LaTeX, too
TABLE_NAMES = ["cells", "slices", "learning", "comparisons", "tuning", *PRINTED]
FIGURE_NAMES = selection.figures(STUDY)
DRAWING = [f"lolameme/reporting/{part}.py" for part in ("style", "tables")] + ["lolameme/models/architectures.py"]
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
        code=sources(
            "scripts/tables.py",
            *(f"lolameme/reporting/{part}.py" for part in ("tables", "claims", "latex")),
            "lolameme/evaluation/statistics.py",
        ),
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
        code=sources("scripts/figures.py", "lolameme/reporting/figures.py", "lolameme/reporting/selection.py", *DRAWING),
    message:
        "Drawing {FIGURES}"
    script:
        "../scripts/figures.py"


rule framework:
    input:
        world=f"{DATA}/{STUDY.illustrated}/world.json",
        programs=f"{DATA}/{STUDY.illustrated}/test.parquet",
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
        code=sources("scripts/framework.py", "lolameme/reporting/framework.py", *DRAWING),
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
        code=sources("scripts/stacks.py", "lolameme/reporting/framework.py", *DRAWING),
    message:
        "Drawing the stacks"
    script:
        "../scripts/stacks.py"


rule page:
    input:
        tables=[f"{TABLES}/{name}.parquet" for name in TABLE_NAMES],
        figures=[f"{FIGURES}/{name}.svg" for name in FIGURE_NAMES + PICTURE_NAMES],
        cards=expand(f"{DATA}/{{variant}}/card.json", variant=STUDY.variants),
        runs=f"{RESULTS}/mlflow.json",
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
        code=sources(
            "scripts/page.py",
            "lolameme/reporting",
            *(f"lolameme/reporting/{part}" for part in ("base.html", "page.html", "page.css", "page.js")),
            "lolameme/languages/card.py",
        ),
    message:
        "Writing {PAGE}"
    script:
        "../scripts/page.py"
