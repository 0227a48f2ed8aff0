"""Where the time of a study went: jobs and seconds by rule, from Snakemake's records of a run that is finished.

python benchmarks/where.py [STUDY], the file of its configuration, in the folder of the project. A job that ran again
counts by its latest run; so the total is the time of a run only where one run made all files.
"""

import sys
from collections import defaultdict
from typing import NamedTuple

from common import STUDY, keep, table

from lolameme.base.metadata import records
from lolameme.base.text import clock
from lolameme.study import config
from lolameme.study.paths import Paths


class Job(NamedTuple):
    """One job, in seconds since the epoch."""

    rule: str
    begun: float
    ended: float


def jobs(paths: Paths) -> list[Job]:
    """The jobs that made the files of a study. A job is known by its log, which all files that it made name."""
    found: dict[tuple[str, ...], list[dict]] = defaultdict(list)
    for file, record in records():
        if {paths.results, paths.reports} & set(file.parents):
            found[tuple(record["log"] or [str(file)])].append(record)
    return [
        Job(of[0]["rule"], min(each["starttime"] for each in of), max(each["endtime"] for each in of))
        for of in found.values()
    ]


def by_rule(made: list[Job]) -> list[tuple[str, ...]]:
    """Jobs, seconds of all together, seconds of one, and the share of all jobs' time, the most costly rule first."""
    spent: dict[str, list[float]] = defaultdict(list)
    for job in made:
        spent[job.rule].append(job.ended - job.begun)
    total = sum(map(sum, spent.values()))
    return [
        (rule, f"{len(of):,}", f"{sum(of):,.0f}", f"{sum(of) / len(of):.2f}", f"{100 * sum(of) / total:.0f} %")
        for rule, of in sorted(spent.items(), key=lambda item: -sum(item[1]))
    ]


def main() -> None:
    study = config.load(sys.argv[1] if len(sys.argv) > 1 else STUDY)
    made = jobs(study.paths)
    if not made:
        sys.exit(f"no job of study {study.study} has run here")
    took = max(job.ended for job in made) - min(job.begun for job in made)
    about = f"{len(made):,} jobs, {clock(took)} from the start of the first to the end of the last. Seconds are by the "
    about += "clock, and jobs run side by side, so that they add up to more."
    columns = ("rule", "jobs", "seconds, all", "seconds, each", "share of all jobs")
    lines = [about, "", *table(columns, by_rule(made))]
    keep(study.study, lines, f"python benchmarks/where.py {' '.join(sys.argv[1:])}".strip())


if __name__ == "__main__":
    main()
