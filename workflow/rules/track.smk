# Tracking: MLflow shows what the result files say; one job writes it.


rule track:
    input:
        METRICS,
        HISTORIES,
        MODELS,
        board=f"{TABLES}/leaderboard.parquet",
        cards=first_world("card.md"),
        figures=expand(f"{FIGURES}/{{figure}}.png", figure=EXHIBITS.figures),
    output:
        str(PATHS.runs),
    log:
        f"{LOGS}/track.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        uri=STUDY.tracking or f"sqlite:///{paths.DATABASE}",
        artifacts=str(paths.ARTIFACTS),
        code=code("track.py"),
    message:
        "Tracking all cells in MLflow"
    script:
        "../scripts/track.py"
