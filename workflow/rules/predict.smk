# Prediction: what the account says of every architecture before it is trained, from data and configuration alone.


rule reach:
    input:
        rules.world.output,
        splits(but=["train", "valid"]),
    output:
        str(PATHS.reach("{variant}", "{world}")),
    log:
        f"{LOGS}/reach/{{variant}}/world{{world}}.log",
    priority: 20  # as what is predicted from it
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=lambda w, attempt: 15 * attempt,
    params:
        windows=str(accounts.holed(STUDY)),
        code=code("reach.py", of_task),
    message:
        "{wildcards.variant}, world {wildcards.world}: what a lookup can match"
    script:
        "../scripts/reach.py"


rule predict:
    input:
        expand(rules.reach.output, variant=STUDY.variants, world=STUDY.world_seeds),
    output:
        str(PATHS.predictions),
    log:
        f"{LOGS}/predict.log",
    priority: 20  # it needs nothing that is trained, and stands there before most of it is
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=f"{[STUDY.stacks_of(variant) for variant in STUDY.variants]} {settings(STUDY.model)}",
        code=code("predict.py", lambda w: of_stacks()),
    message:
        "Predicting bounds and positions before training"
    script:
        "../scripts/predict.py"
