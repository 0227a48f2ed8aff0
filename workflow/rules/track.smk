# Tracking: MLflow shows what the result files say; one job writes it. Nothing waits for it.
TRACKED = [str(PATHS.runs), str(PATHS.links)]
LOCAL_DATABASE = [] if STUDY.tracking else [str(paths.DATABASE)]
TRACKING = STUDY.tracking or f"sqlite:///{paths.DATABASE}"


if LOCAL_DATABASE:

    rule database:
        output:
            update(LOCAL_DATABASE),  # it holds the runs of other studies, too: a job must never delete it
        log:
            f"{LOGS}/database.log",
        localrule: True
        conda:
            ENVIRONMENT
        resources:
            mem_mb=2000,
            runtime=10,
        params:
            uri=TRACKING,
        message:
            "Making MLflow's database"
        script:
            "../scripts/database.py"


rule track:
    input:
        METRICS,
        HISTORIES,
        MODELS,
        of_every_cell(
            str(PATHS.analysis("{analysis}", "{variant}", "{architecture}", "{seed}")),
            analysis=STUDY.analyses,
        ),
        expand(f"{DATA}/dataset.json", variant=STUDY.variants, world=STUDY.world_seeds),
        ancient(LOCAL_DATABASE),  # other studies write to it, too
        leaderboard=f"{TABLES}/leaderboard.parquet",
        figures=expand(f"{FIGURES}/{{figure}}.{{suffix}}", figure=EXHIBITS.figures, suffix=("png", "svg")),
        tables=expand(f"{TABLES}/{{table}}.csv", table=[*EXHIBITS.tables, *EXHIBITS.pooled]),
        cards=first_world("card.md"),
        choices=CHOICES,
        trials=[
            f"{PATHS.trials(variant, architecture)}/{trial}.json"
            for variant in STUDY.variants
            for architecture in STUDY.tuned_stacks(variant)
            for trial in STUDY.trials(variant)
        ],
    output:
        runs=str(PATHS.runs),
        links=str(PATHS.links),
    log:
        f"{LOGS}/track.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        uri=TRACKING,
        code=code("track.py"),
    message:
        "Tracking all cells in MLflow"
    script:
        "../scripts/track.py"
