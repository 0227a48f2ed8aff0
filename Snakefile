# The study as one graph: data -> cells -> evaluation -> tables -> figures -> MLflow -> report.
# This file reads the configuration and names the targets; the rules are in workflow/rules.
from snakemake.utils import min_version

min_version("9.0")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/analyse.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/track.smk"


if workflow.is_main_process:
    refuse_strangers()


localrules:
    all,
    cells,
    data,
    choose,
    track,
    page,


rule all:
    default_target: True
    input:
        all_files,
    message:
        f"The study is complete: {PAGE}"


rule cells:
    input:
        METRICS,
    message:
        "All cells are trained and evaluated"


rule data:
    input:
        expand(f"{DATA}/card.json", variant=STUDY.variants, world=STUDY.world_seeds),
    message:
        "All data are written"


onstart:
    job.end_gracefully()
    plan_training()
    drop_rate_limit()
    warm_up()
    show_live()


onerror:
    print(FAILED.listing(), file=sys.stderr)
    report_what_is_there()
