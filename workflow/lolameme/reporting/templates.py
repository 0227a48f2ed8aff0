"""Pages from templates: one file each that needs nothing else, in one look."""

from typing import Any

import jinja2

from lolameme.base.text import clock
from lolameme.data.card import histogram, leakage, sentence, worlds
from lolameme.reporting.findings import em, p_value, signed
from lolameme.statistics.lock_in import censored
from lolameme.study.architectures import label

RESOURCES = ["*.html", "*.css", "*.js"]
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("lolameme.reporting", "."),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {
    "anchor": lambda text: text.lower().replace(" ", "-"),
    "em": em,
    "label": label,
    "censored": censored,
    "clock": clock,
    "histogram": histogram,
    "leakage": leakage,
    "worlds": worlds,
    "signed": signed,
    "p": p_value,
    "sentence": sentence,
}


def fill(template: str, **values: Any) -> str:
    """A template of this package, filled. Raises jinja2.UndefinedError if it asks for more than `values`."""
    return _ENVIRONMENT.get_template(template).render(**values)
