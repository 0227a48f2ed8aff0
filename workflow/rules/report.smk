# Tables, figures and the report page: from result files alone. What tables and figures there are, of what each is
# made and what its caption says stands beside the function that makes it (lolameme.reporting.registry finds them).
EXHIBITS = registry.collect(STUDY)
CONFIGURED = [file for file in map(os.path.relpath, FILES) if file != "config.yaml"]


wildcard_constraints:
    table="|".join(map(re.escape, EXHIBITS.tables)),
    figure="|".join(map(re.escape, EXHIBITS.figures)),


rule table:
    input:
        lambda w: EXHIBITS.inputs(EXHIBITS.tables[w.table]),
    output:
        f"{TABLES}/{{table}}.parquet",
        report(
            f"{TABLES}/{{table}}.csv",
            caption="../report/exhibit.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
    log:
        f"{LOGS}/tables/{{table}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        caption=lambda w: EXHIBITS.tables[w.table].caption,
        display=display,
        code=code("table.py", lambda w: [EXHIBITS.tables[w.table].module]),
    message:
        "Making table {wildcards.table}"
    script:
        "../scripts/table.py"


rule latex:
    input:
        expand(f"{TABLES}/{{table}}.parquet", table=EXHIBITS.printed),
    output:
        expand(f"{TABLES}/{{table}}.tex", table=EXHIBITS.printed),
    log:
        f"{LOGS}/latex.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        display=display,
        code=code("latex.py", lambda w: EXHIBITS.modules),
    message:
        "Writing tables as LaTeX"
    script:
        "../scripts/latex.py"


rule figure:
    input:
        lambda w: EXHIBITS.inputs(EXHIBITS.figures[w.figure]),
    output:
        report(
            f"{FIGURES}/{{figure}}.svg",
            caption="../report/exhibit.rst",
            category=lambda w: EXHIBITS.figures[w.figure].section,
            labels={"figure": "{figure}"},
        ),
        f"{FIGURES}/{{figure}}.png",
        f"{FIGURES}/{{figure}}.pdf",
    log:
        f"{LOGS}/figures/{{figure}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        caption=lambda w: EXHIBITS.figures[w.figure].caption(STUDY),
        display=display,
        code=code("figure.py", lambda w: [EXHIBITS.figures[w.figure].module]),
    message:
        "Drawing {wildcards.figure}"
    script:
        "../scripts/figure.py"


rule page:
    input:
        expand(f"{TABLES}/{{table}}.parquet", table=[*EXHIBITS.tables, *EXHIBITS.pooled]),
        expand(f"{FIGURES}/{{figure}}.svg", figure=EXHIBITS.figures),
        rules.latex.output,
        cards=first_world("card.json"),
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
        settings=lambda w: settings(STUDY),  # whatever braces stand in its words
        files=CONFIGURED,
        display=display,
        code=code("page.py", lambda w: EXHIBITS.modules),
    message:
        f"Writing {PAGE}"
    script:
        "../scripts/page.py"
