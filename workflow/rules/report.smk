# Tables, figures and the report page: from result files alone.
TABLE_NAMES = ["cells", "slices", "learning", "leaderboard", "claims"]
FIGURE_NAMES = ["exact_match", "position", "learning_curves", "learning_order", "splits"]
PICTURE_NAMES = ["framework", "stacks"]
# the framework is shown on the variant with the most languages
SHOWN = max(STUDY.variants, key=lambda v: len(STUDY.variants[v].program.languages))


def drawings(names, category):
    """SVG for the report and PNG for everything else, captioned for `snakemake --report`."""
    captioned = [
        shown
        for name in names
        for shown in [report(f"{FIGURES}/{name}.svg", caption=f"../report/{name}.rst", category=category)]
    ]
    return captioned + [f"{FIGURES}/{name}.png" for name in names]


rule tables:
    message:
        "Gathering {TABLES}"
    input:
        METRICS,
        HISTORIES,
    output:
        [f"{TABLES}/{name}.parquet" for name in TABLE_NAMES],
        report(
            [f"{TABLES}/{name}.csv" for name in TABLE_NAMES],
            caption="../report/tables.rst",
            category="Tables",
        ),
    log:
        f"{LOGS}/tables.log",
    params:
        cells=CELLS,
        code=sources("reporting/tables.py", "evaluation/bootstrap.py"),
    resources:
        mem_mb=4000,
        runtime=60,
    conda:
        ENVIRONMENT
    script:
        "../scripts/tables.py"


rule figures:
    message:
        "Drawing {FIGURES}"
    input:
        tables=[f"{TABLES}/{name}.parquet" for name in ("cells", "learning", "leaderboard")],
    output:
        drawings(FIGURE_NAMES, "Results"),
    log:
        f"{LOGS}/figures.log",
    params:
        folder=FIGURES,
        code=sources("reporting/figures.py", "reporting/style.py"),
    resources:
        mem_mb=4000,
        runtime=30,
    conda:
        ENVIRONMENT
    script:
        "../scripts/figures.py"


rule framework:
    message:
        "Drawing the framework"
    input:
        world=f"{DATA}/{SHOWN}/world.json",
        programs=f"{DATA}/{SHOWN}/test.parquet",
    output:
        drawings(PICTURE_NAMES, "Framework"),
    log:
        f"{LOGS}/framework.log",
    params:
        folder=FIGURES,
        variant=SHOWN,
        stacks=STUDY.stacks,
        code=sources("reporting/framework.py", "reporting/style.py"),
    resources:
        mem_mb=2000,
        runtime=30,
    conda:
        ENVIRONMENT
    script:
        "../scripts/framework.py"


rule page:
    message:
        "Writing {PAGE}"
    input:
        tables=[f"{TABLES}/{name}.parquet" for name in TABLE_NAMES],
        figures=[f"{FIGURES}/{name}.svg" for name in FIGURE_NAMES + PICTURE_NAMES],
        cards=expand(f"{DATA}/{{variant}}/card.json", variant=STUDY.variants),
        runs=f"{RESULTS}/mlflow.json",
    output:
        PAGE,
    log:
        f"{LOGS}/page.log",
    params:
        settings=settings(STUDY),
        code=sources("reporting/page.py", "reporting/page.html"),
    resources:
        mem_mb=2000,
        runtime=30,
    conda:
        ENVIRONMENT
    script:
        "../scripts/page.py"
