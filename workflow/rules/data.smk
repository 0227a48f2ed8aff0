# Data: a world per variant and seed, then its splits, then a card that describes them.
KEPT = r"(?!train\.)[a-z0-9][a-z0-9_-]*"  # any split but train


rule world:
    output:
        world=f"{DATA}/world.json",
        tokenizer=f"{DATA}/tokenizer.json",
    log:
        f"{LOGS}/world/{{variant}}/world{{world}}.log",
    priority: 20  # as what is predicted from it
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=lambda w, attempt: 5 * attempt,
    params:
        settings=data_settings,
        code=code("world.py", of_task),
    message:
        "{wildcards.variant}, world {wildcards.world}: drawing the world and training the tokenizer"
    script:
        "../scripts/world.py"


rule held_out:
    input:
        rules.world.output,
        lambda w: [] if w.split == "valid" else f"{data_of(w)}/valid.parquet",
    output:
        f"{DATA}/{{split}}.parquet",
    log:
        f"{LOGS}/data/{{variant}}/world{{world}}/{{split}}.log",
    wildcard_constraints:
        split=KEPT,
    priority: 20  # as what is predicted from it
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=lambda w, attempt: 5 * attempt,
    params:
        settings=data_settings,
        code=code("held_out.py", of_task),
    message:
        "{wildcards.variant}, world {wildcards.world}: writing split {wildcards.split}"
    script:
        "../scripts/held_out.py"


rule train_split:
    input:
        rules.world.output,
        splits(but=["train"]),
    output:
        train=f"{DATA}/train.parquet",
        dataset=f"{DATA}/dataset.json",
    log:
        f"{LOGS}/data/{{variant}}/world{{world}}/train.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        settings=data_settings,
        code=code("train_split.py", of_task),
    message:
        "{wildcards.variant}, world {wildcards.world}: writing split train, apart from all prompts to test on"
    script:
        "../scripts/train_split.py"


rule card:
    input:
        rules.world.output,
        rules.train_split.output.dataset,
        splits(),
    output:
        json=f"{DATA}/card.json",
        markdown=report(
            f"{DATA}/card.md",
            caption="../report/card.rst",
            category="Data",
            labels={"variant": "{variant}", "world": "{world}"},
        ),
    log:
        f"{LOGS}/card/{{variant}}/world{{world}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=lambda w, attempt: 20 * attempt,
    params:
        about=lambda w: STUDY.variants[w.variant].about,
        worlds=STUDY.worlds,
        code=code("card.py", of_floor),
    message:
        "{wildcards.variant}, world {wildcards.world}: describing the data"
    script:
        "../scripts/card.py"


rule floor:
    input:
        world=f"{DATA}/world.json",
        train=f"{DATA}/train.parquet",
        valid=f"{DATA}/valid.parquet",
    output:
        f"{DATA}/floor.json",
    log:
        f"{LOGS}/floor/{{variant}}/world{{world}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("floor.py", of_floor),
    message:
        "{wildcards.variant}, world {wildcards.world}: what valid needs no binding for"
    script:
        "../scripts/floor.py"
