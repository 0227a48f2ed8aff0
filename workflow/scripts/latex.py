"""Rule `latex`: the tables that go into papers, as LaTeX."""

from lolameme.base.files import read_frame, write_text
from lolameme.reporting import registry
from lolameme.runtime import job

with job.running(snakemake) as study:
    exhibits = registry.collect(study)
    for name in exhibits.printed:
        table, path = exhibits.tables[name], study.paths.table(name)
        write_text(path.with_suffix(".tex"), table.latex(read_frame(path), table.caption, name))
