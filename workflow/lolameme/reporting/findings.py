"""What a study found, in sentences that follow from its tables; none is written by hand."""

import html
import math
import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from lolameme.analyses._routes import ROUTES
from lolameme.base.text import at_least, clock
from lolameme.data.accounts import FIRST
from lolameme.data.card import sentence
from lolameme.reporting.predictions import MIDDLE
from lolameme.statistics import verdicts
from lolameme.study import architectures, config
from lolameme.study.architectures import label


def abstract(study: config.Study, leaderboard: pd.DataFrame, contrasts: pd.DataFrame, seconds: float) -> list[str]:
    """The study in paragraphs: its size; what each task asks and where stacks end; last, what the contrasts say."""
    cells = len(study.cells)
    whole = cells == len(study.variants) * len(study.stacks) * len(study.seeds)
    but = "" if whole else ", not every stack on every task"
    size = (
        f"{count(len(study.stacks), 'stack').capitalize()} of {count(study.model.layers, 'layer')} "
        f"{'were' if len(study.stacks) > 1 else 'was'} trained on {count(len(study.variants), 'task')} with "
        f"{count(len(study.seeds), 'seed')} each{but}: {count(cells, 'cell')}, {clock(seconds)} of processor time."
    )
    ends = []
    for variant, rows in leaderboard.groupby("variant", sort=False):
        about = study.variants[variant].about
        ends.append(f"{about[0].upper()}{about[1:]}: {reached(rows[rows['split'] == 'test'])}{behind(rows)}.")
    if not len(contrasts):
        return [size, *ends, "No contrast was fixed in advance, so nothing is said of order."]
    tested = f"Of {count(len(contrasts), 'contrast')} fixed in advance and corrected for their number (Holm): "
    tested += f"{counts(contrasts)}. "
    for verdict in (verdicts.SAME, verdicts.OTHER):
        rows = renamed(contrasts[contrasts["verdict"] == verdict])
        found = [f"{row.title} ({asked(study, row)}; {split(row)}{sized(row)}; {row.by})" for row in rows.itertuples()]
        tested += f"{verdict.capitalize()}: {'; '.join(found)}. " if found else ""
    return [size, *ends, tested.strip()]


def reached(rows: pd.DataFrame) -> str:
    """Where the stacks of one task end: each stack without a position, and the range of those with one."""
    told = []
    for family, mine in rows.groupby(rows["architecture"].map(architectures.family), sort=False):
        ends = mine.sort_values("exact_match")
        low, high = ends.iloc[0], ends.iloc[-1]
        locked = f"{mine['locked'].sum()} of {mine['seeds'].sum()} cells lock in"
        if len(mine) == 1:
            told.append(f"{label(low['architecture'])} {low['exact_match']:.2f} ({locked})")
        else:
            told.append(
                f"{label(str(family))} {low['exact_match']:.2f} ({label(low['architecture'])}) to "
                f"{high['exact_match']:.2f} ({label(high['architecture'])}; {locked})"
            )
    return f"exact match is {'; '.join(told)}; the floor is {rows['floor'].max():.2f}"


def count(number: int, thing: str) -> str:
    """A number of things in words, up to twelve."""
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    written = words[number] if number < len(words) else f"{number:,}"
    return f"{written} {thing}{'' if number == 1 else 's'}"


def counts(contrasts: pd.DataFrame) -> str:
    """How many contrasts have which verdict."""
    found = contrasts["verdict"].value_counts(sort=False)
    return listed([f"{n} {word}" for word, n in found.items()])


def renamed(contrasts: pd.DataFrame) -> pd.DataFrame:
    """Contrasts whose name can be read from a named tuple."""
    return contrasts.rename(columns={"name": "title"})


def asked(study: config.Study, row: Any) -> str:
    """What the tasks of a contrast ask, those of a combination with their weights; of more than two, their names."""
    about = {name: f"“{variant.about}”" for name, variant in study.variants.items()}
    words = re.findall(r"[\w-]+", row.variants)
    if sum(word in about for word in words) > 2:
        return str(row.variants)
    return re.sub(r"[\w-]+", lambda word: about.get(word[0], word[0]), row.variants)


def split(row: Any) -> str:
    """The split of a contrast where it says something."""
    return "" if row.split == "test" else f"{row.split}, "


def sized(row: Any) -> str:
    """How large the difference of a contrast is, or how many of the cells lock in on either side."""
    if row.by == verdicts.BY_LOCK_IN:
        above, below = row.locked.split(" : ")
        return f"{above} cells lock in against {below}"
    return f"{row.difference:+.3f}"


def questions(
    study: config.Study,
    leaderboard: pd.DataFrame,
    claims: pd.DataFrame,
    cards: list[dict[str, Any]],
    contrasts: pd.DataFrame,
    accounts: pd.DataFrame | None,
    routes: pd.DataFrame | None,
) -> list[tuple[str, str, str]]:
    """The questions of the study (Q1-Q6), each with what it asks and as much of an answer as this study gives."""
    why = claims.drop_duplicates("claim").set_index("claim")["why"].map(sentence)
    public = leaderboard[
        (leaderboard["split"] == "test") & leaderboard["variant"].map(lambda v: study.variants[v].task != "lolameme")
    ]
    found = [f"{name}: {standing(rows)}" for name, rows in public.groupby("variant", sort=False)]
    oracles = min(split["oracle"] for card in cards for name, split in card["splits"].items() if name != "train")
    share = "all" if oracles == 1 else f"at least {100 * oracles:.1f} % of the"
    held = [card for card in cards if card["leakage"]]
    checked = sum(card["leakage"]["held_out_prompts"] for card in held)
    shared = sum(card["leakage"]["shared"] for card in held)
    return [
        (
            "Q1",
            "Where must the swapped layer stand, and why?",
            f"{why['C4']} {predicted(accounts)}"
            + ("This study runs no analysis of what happens inside." if routes is None else inside(routes)),
        ),
        (
            "Q2",
            "Do the data measure what they claim?",
            f"{len(cards)} data cards: an independent interpreter answers {share} queries of every test split as "
            f"the generator did; {shared} of {checked:,} prompts to validate and test "
            "on are also in train, where prompts are held out at all.",
        ),
        (
            "Q3",
            "Does it hold on public tasks?",
            f"{'; '.join(found)}." if found else "No ListOps or recall task of others is part of this study.",
        ),
        ("Q4", "Can training loss vanish while exact match does?", why["C5"]),
        (
            "Q5",
            "Is the comparison fair?",
            f"{sizes(leaderboard, study.match)} {tuned(study)} {study.counted_seeds}, "
            f"{'each with a world of its own' if study.worlds == 'seed' else 'all with one world'}; contrasts fixed in "
            f"advance, paired by seed, {len(contrasts)} of them, corrected (Holm).",
        ),
        ("Q6", "What does the framework look like?", "Drawn at the top of this page, from this study's own data."),
    ]


def predicted(accounts: pd.DataFrame | None) -> str:
    """How the first account of where binding is possible, fixed before any training, did; of no stack, nothing."""
    if accounts is None:
        return ""
    first, middle = (next(accounts[accounts["account"] == name].itertuples()) for name in (FIRST, MIDDLE))
    if not first.cells:
        return ""
    bounded = f"{first.above} of {count(first.cells, 'cell')} end above their bound"
    places = f", and of {count(first.positions, 'best place')} it names {first.hits} (always the middle: {middle.hits})"
    return f"By the account of {FIRST}, fixed before any training, {bounded}{places if first.positions else ''}. "


def inside(routes: pd.DataFrame) -> str:
    """By which routes the cells of a study answer."""
    found = [f"{cells} {route}" for route in ROUTES if (cells := routes[route].sum())]
    return f"Where two names are exchanged, cells answer so: {', '.join(found)}; see Mechanism."


def tuned(study: config.Study) -> str:
    """How learning rates came about, as a sentence."""
    if study.tuning:
        rates = len(study.tuning.learning_rate)
        return f"Each family has its own learning rate per task, chosen on valid from {rates} or more that were tried."
    own: dict[tuple[str, float], list[str]] = {}  # the tasks on which a stack has a rate that the others have not
    for variant in study.variants:
        given = {stack: study.training_of(variant, stack).learning_rate for stack in study.stacks_of(variant)}
        shared = study.training_of(variant).learning_rate
        for stack, rate in given.items():
            if rate != shared:
                own.setdefault((stack, rate), []).append(variant)
    but = [f"{label(stack)} has {rate:g} on {listed(variants)}" for (stack, rate), variants in own.items()]
    return f"Learning rates were not tuned: all stacks share one per task{', but ' if but else ''}{'; '.join(but)}."


def findings(leaderboard: pd.DataFrame, contrasts: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Per variant a sentence on `test` and one for each extra split: who locks in, who is stuck, what contrasts say."""
    found = []
    for variant, rows in leaderboard.groupby("variant", sort=False):
        by_split = dict(list(rows.groupby("split", sort=False)))
        test, mine = by_split.pop("test"), contrasts[contrasts["variant"] == variant]
        extra = [
            f"<i>{name}</i>: {html.escape(standing(part) + told(mine[mine['split'] == name], part))}."
            for name, part in by_split.items()
        ]
        text = standing(test) + behind(rows) + order(test) + told(mine[mine["split"] == "test"], test)
        found.append((f"<b>{variant}</b>: {html.escape(text)}.", extra))
    return found


def standing(rows: pd.DataFrame) -> str:
    """How the architectures end on one split: at the ceiling, at the floor, or how many of their cells lock in."""
    ranked = rows.sort_values("exact_match", ascending=False)
    if (ranked["state"] == verdicts.AT_CEILING).all():
        return f"all architectures reach {at_least(ranked['exact_match'].min(), 3)}, {verdicts.AT_CEILING}"
    stuck, going = (ranked[(ranked["state"] == verdicts.AT_FLOOR) == floor] for floor in (True, False))
    after = f"{verdicts.AT_FLOOR} ({em(rows['floor'].max())}) {shown(rows)}"
    if going.empty:
        return f"every architecture is {after}"
    each = [
        f"{label(row.architecture)} {em(row.exact_match)} ({row.locked} of {row.seeds} lock in)"
        for row in going.itertuples()
    ]
    text = ", ".join(each)
    return text + (f"; {names(stuck['architecture'])} {after}" if len(stuck) else "")


def shown(rows: pd.DataFrame) -> str:
    """How much training there was, without which nothing is said to be at its floor."""
    return f"after {rows['tokens'].max():,.0f} tokens"


def behind(rows: pd.DataFrame) -> str:
    """On which splits of one task the leader of `test` is behind another architecture, or that it is on none.

    Means are compared as they are printed; all that share the first place lead. There is no leader where all are at the
    ceiling or at their floor, and nobody is ahead who is at its floor.
    """
    by_split = dict(list(rows.groupby("split", sort=False)))
    test = by_split.pop("test")
    alike = test["state"].nunique() == 1 and test["state"].iloc[0] in (verdicts.AT_CEILING, verdicts.AT_FLOOR)
    if not by_split or len(test) < 2 or alike:
        return ""
    others = list(by_split)
    nowhere = f"none of {listed(others)}" if len(others) > 1 else f"no other split ({others[0]})"
    printed = test["exact_match"].round(3)
    leaders = list(test.loc[printed == printed.max(), "architecture"])
    behind_on: dict[str, list[str]] = {}  # leaders by what is said of them
    for leader in leaders:
        against = []
        for split, part in by_split.items():
            mine = part.loc[part["architecture"] == leader, "exact_match"].iloc[0]
            ahead = part[(part["exact_match"].round(3) > round(mine, 3)) & (part["state"] != verdicts.AT_FLOOR)]
            if len(ahead):
                first = ahead.loc[ahead["exact_match"].idxmax()]
                against.append(f"{split} ({label(first['architecture'])} {em(first['exact_match'])}, it {em(mine)})")
        behind_on.setdefault(listed(against or [nowhere]), []).append(leader)
    if len(leaders) == 1:
        said = [f"{names(leaders)} leads on test and is behind on {where}" for where in behind_on]
    else:
        said = [f"{names(leaders)} share the first place on test"]
        said += [f"{names(mine)} {'is' if len(mine) == 1 else 'are'} behind on {on}" for on, mine in behind_on.items()]
    return f". By means, which no test compares: {'; '.join(said)}"


def told(contrasts: pd.DataFrame, rows: pd.DataFrame) -> str:
    """What the contrasts of one split say, whose stacks have these rows of the leaderboard."""
    every, after = {True: " in every seed", False: ""}, {verdicts.AT_FLOOR: f" {shown(rows)}"}
    found = [
        f"{row.title}: {row.says}{after.get(row.verdict, '')} ({sized(row)}{every[bool(row.every_seed)]})"
        for row in renamed(contrasts).itertuples()
    ]
    return f". {'; '.join(found)}" if found else ""


def order(rows: pd.DataFrame) -> str:
    """Who locks in first and who last, where they differ."""
    learners = rows[rows["steps_to_half"].map(math.isfinite)].sort_values("steps_to_half", kind="stable")
    by_steps = [(at, tied["architecture"]) for at, tied in learners.groupby("steps_to_half")]
    if len(by_steps) < 2:
        return ""
    (soon, first), (late, last) = by_steps[0], by_steps[-1]
    return (
        f". {names(first)} lock{'s' if len(first) == 1 else ''} in first, after {soon:.0f} steps, "
        f"{names(last)} last, after {late:.0f}"
    )


def tuning(tried: pd.DataFrame) -> list[dict[str, Any]]:
    """Per variant and tuned architecture all trials, from the lowest rate up, and what the choice rests on."""
    found = []
    for variant, rows in tried.groupby("variant", sort=False):
        decays = rows["weight_decay"].nunique() > 1
        lines = []
        for architecture, mine in rows.groupby("architecture", sort=False):
            mine = mine.sort_values(["learning_rate", "weight_decay"])
            tries = [
                {"tried": f"{row.learning_rate:g}" + (f", decay {row.weight_decay:g}" if decays else ""), "row": row}
                for row in mine.itertuples()
            ]
            served = [name for name in mine["stands_for"].iloc[0].split() if name != architecture]
            why = mine["why"].iloc[0]
            why += f" {shown(mine)}" if why == verdicts.AT_FLOOR else ""
            lines.append({"name": architecture, "served": served, "tries": tries, "why": why})
        found.append({"variant": variant, "lines": lines, "steps": rows["steps"].max()})
    return found


def sizes(leaderboard: pd.DataFrame, match: str) -> str:
    """How alike the architectures of a study are in size and cost, as a sentence."""
    test = leaderboard[leaderboard["split"] == "test"]
    widths = test["d_model"]
    ranges = []
    for column, name in (("parameters", "parameters"), ("flops_per_token", "FLOPs per token")):
        ratio = test.groupby("variant")[column].agg(lambda values: values.max() / values.min()).max()
        ranges.append(f"{name} differ by up to {100 * (ratio - 1):.0f} %")
    same = widths.nunique() == 1
    size = f"a width of {widths.iloc[0]}" if same else f"widths of {widths.min()} to {widths.max()}"
    basis = {
        "depth": "the same depth and width",
        "parameters": "the same depth, and widths that give all as many parameters as GPT-2",
        "flops": "the same depth, and widths that give all as many FLOPs per token as GPT-2",
    }[match]
    return f"Architectures are compared at {basis} ({size}); between those of one task, {' and '.join(ranges)}."


def names(stacks: Iterable[str]) -> str:
    """Architectures in a sentence."""
    return listed([label(name) for name in stacks])


def listed(words: list[str]) -> str:
    """Words in a sentence: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def em(value: float | None) -> str:
    """Exact match as people compare it; a dash where there is none."""
    return "–" if value is None or pd.isna(value) else f"{value:.3f}"


def signed(value: float | None) -> str:
    """A difference of exact matches; a dash where there is none."""
    return "–" if value is None or pd.isna(value) else f"{round(value, 3) + 0.0:+.3f}"  # no minus before 0


def p_value(value: float | None) -> str:
    """A p value as people write it."""
    if value is None or pd.isna(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
