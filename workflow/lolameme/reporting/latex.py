"""Tables as LaTeX (booktabs), ready to be `\\input` into a paper."""

import pandas as pd

from lolameme.statistics.lock_in import censored
from lolameme.study.architectures import label


def leaderboard(rows: pd.DataFrame, caption: str, name: str) -> str:
    """Variants and splits by architecture: exact match with its interval, and k of n seeds that lock in."""
    entry = [
        f"{row.exact_match:.2f} {{\\scriptsize {interval(row.low, row.high)}{row.locked}/{row.seeds}}}"
        for row in rows.itertuples()
    ]
    return grid(rows.assign(entry=entry, bold=rows["locked"] == rows["seeds"]), caption, name)


def interval(low: float, high: float) -> str:
    """An interval before what follows it; nothing where one seed leaves none."""
    return "" if pd.isna(low) else f"[{low:.2f}, {high:.2f}] "


def learning_order(order: pd.DataFrame, caption: str, name: str) -> str:
    """Variants by architecture: steps until half of the seeds lock in."""
    half = order["steps_to_half"]
    first = (half == order.groupby("variant")["steps_to_half"].transform("min")) & (half < float("inf"))
    entry = [f"${text}$" if ">" in text else text for text in map(censored, half, order["steps"])]
    return grid(order.assign(entry=entry, bold=first), caption, name)


def grid(rows: pd.DataFrame, caption: str, name: str) -> str:
    """The column `entry` by variant (and split, if there are several) and architecture; bold where `bold` says so."""
    entries = rows["entry"].where(~rows["bold"], "\\textbf{" + rows["entry"].astype(str) + "}")
    wide = rows.assign(entry=entries, architecture=rows["architecture"].map(label)).pivot_table(
        index=[key for key in ("variant", "split") if key in rows],
        columns="architecture",
        values="entry",
        aggfunc="first",
        sort=False,
    )
    return latex(wide.rename_axis(columns=None).reset_index(), caption, name)


def costs(cost: pd.DataFrame, caption: str, name: str) -> str:
    """What the architectures cost on each variant."""
    shown = pd.DataFrame(
        {
            "variant": cost["variant"],
            "architecture": cost["architecture"].map(label),
            "parameters": cost["parameters"].map("{:,}".format),
            "kFLOP per token": (cost["flops_per_token"] / 1000).map("{:,.0f}".format),
            "processor seconds": cost["processor_seconds"].map("{:.0f}".format),
            "tokens per second": cost["tokens_per_second"].map("{:,.0f}".format),
            "exact match": cost["exact_match"].map("{:.3f}".format),
        }
    )
    return latex(shown, caption, name)


def contrasts(found: pd.DataFrame, caption: str, name: str) -> str:
    """The contrasts of a study, each with its difference, its test and its verdict."""
    shown = pd.DataFrame(
        {
            "contrast": found["name"].map(escaped),
            "variant": found["variants"],
            "split": found["split"],
            "difference": [
                "--" if pd.isna(row.difference) else f"{row.difference:+.3f} {interval(row.low, row.high)}".strip()
                for row in found.itertuples()
            ],
            "lock in": found["locked"],
            "p": ["--" if pd.isna(p) else f"{p:.3g}" for p in found["p_corrected"]],
            "verdict": found["says"].map(escaped),
        }
    )
    return latex(shown, caption, name, "p{4cm}llrrrp{4cm}")


def claims(claimed: pd.DataFrame, caption: str, name: str) -> str:
    """The paper's claims beside ours."""

    def three(row: pd.Series, who: str) -> str:
        values = [row[f"{who}_{family}"] for family in ("gpt2", "hyena", "thex")]
        return (
            "--" if all(pd.isna(v) for v in values) else " / ".join("--" if pd.isna(v) else f"{v:.3f}" for v in values)
        )

    shown = pd.DataFrame(
        {
            "": claimed["claim"],
            "claim": claimed["about"].map(escaped),
            "paper": claimed.apply(three, axis=1, who="paper"),
            "task": claimed["variant"].fillna("--").map(escaped),
            "here": claimed.apply(three, axis=1, who="ours"),
            "verdict": claimed["verdict"],
            "why": claimed["why"].map(escaped),
        }
    )
    widths = "lp{3cm}lp{2cm}lp{2cm}p{6cm}"
    return latex(shown, caption, name, widths)


def latex(table: pd.DataFrame, caption: str, name: str, columns: str | None = None) -> str:
    """A table of text as a floating booktabs table; columns called variant, split and architecture are escaped."""
    table = table.rename(columns=escaped)
    for column in ("variant", "split", "architecture"):
        if column in table:
            table[column] = table[column].map(escaped)
    styled = table.style.hide(axis="index")
    columns = columns or "".join("l" if column in ("variant", "split", "architecture") else "r" for column in table)
    return styled.to_latex(
        hrules=True,
        caption=escaped(caption),
        label=f"tab:{name.replace('_', '-')}",
        column_format=columns,
        position="t",
        position_float="centering",
    )


def escaped(text: str) -> str:
    """Text with LaTeX's special characters made harmless."""
    for sign in "\\&%$#_{}":
        text = text.replace(sign, "\\textbackslash " if sign == "\\" else f"\\{sign}")
    return text.replace("·", "$\\cdot$").replace("–", "--")
