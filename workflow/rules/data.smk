# Data: a world per variant, then its splits, then a card that describes them.
KEPT = r"(?!train\b)[a-z0-9][a-z0-9_-]*"  # any split but train


def data_settings(wildcards):
    variant = STUDY.variants[wildcards.variant].model_copy(update={"training": None, "about": ""})
    return f"{STUDY.world_seed} {settings(variant, *STUDY.languages.values())}"


def splits(variant):
    return [f"{DATA}/{variant}/{split}.parquet" for split in STUDY.variants[variant].programs()]


rule world:
    message:
        "{wildcards.variant}: drawing the world and training the tokenizer"
    output:
        world=f"{DATA}/{{variant}}/world.json",
        tokenizer=f"{DATA}/{{variant}}/tokenizer.json",
    log:
        f"{LOGS}/world/{{variant}}.log",
    params:
        settings=data_settings,
        code=sources("languages", "seeds.py"),
    resources:
        mem_mb=2000,
        runtime=30,
    conda:
        ENVIRONMENT
    script:
        "../scripts/world.py"


rule held_out:
    message:
        "{wildcards.variant}: writing split {wildcards.split}"
    input:
        rules.world.output,
    output:
        f"{DATA}/{{variant}}/{{split}}.parquet",
    log:
        f"{LOGS}/data/{{variant}}/{{split}}.log",
    wildcard_constraints:
        split=KEPT,
    params:
        settings=data_settings,
        code=sources("languages", "seeds.py"),
    resources:
        mem_mb=2000,
        runtime=30,
    conda:
        ENVIRONMENT
    script:
        "../scripts/held_out.py"


rule train_split:
    message:
        "{wildcards.variant}: writing split train, apart from all prompts to test on"
    input:
        rules.world.output,
        lambda w: [path for path in splits(w.variant) if not path.endswith("/train.parquet")],
    output:
        train=f"{DATA}/{{variant}}/train.parquet",
        dataset=f"{DATA}/{{variant}}/dataset.json",
    log:
        f"{LOGS}/data/{{variant}}/train.log",
    params:
        settings=data_settings,
        code=sources("languages", "seeds.py"),
    resources:
        mem_mb=4000,
        runtime=120,
    conda:
        ENVIRONMENT
    script:
        "../scripts/train_split.py"


rule card:
    message:
        "{wildcards.variant}: describing the data"
    input:
        rules.world.output,
        rules.train_split.output.dataset,
        lambda w: splits(w.variant),
    output:
        json=f"{DATA}/{{variant}}/card.json",
        markdown=report(
            f"{DATA}/{{variant}}/card.md", caption="../report/card.rst", category="Data", labels={"variant": "{variant}"}
        ),
    log:
        f"{LOGS}/card/{{variant}}.log",
    params:
        about=lambda w: STUDY.variants[w.variant].about,
        code=sources("languages"),
    resources:
        mem_mb=4000,
        runtime=60,
    conda:
        ENVIRONMENT
    script:
        "../scripts/card.py"
