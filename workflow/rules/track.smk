# Tracking: MLflow shows what the result files say; one job writes it.


rule track:
    message:
        "Tracking all cells in MLflow"
    input:
        METRICS,
        HISTORIES,
        MODELS,
        figures=[f"{FIGURES}/{name}.png" for name in FIGURE_NAMES + PICTURE_NAMES],
    output:
        f"{RESULTS}/mlflow.json",
    log:
        f"{LOGS}/track.log",
    params:
        uri="sqlite:///results/mlflow.db",
        artifacts="results/mlartifacts",
        cells=CELLS,
        code=sources("tracking"),
    resources:
        mem_mb=2000,
        runtime=60,
    conda:
        ENVIRONMENT
    script:
        "../scripts/track.py"
