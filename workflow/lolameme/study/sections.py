"""Sections of a configuration, and mistakes in them as one readable sentence."""

import difflib
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
Share = Annotated[float, Field(ge=0, le=1)]
LARGEST = (
    10_000_000  # of counts: steps, programs, widths; a slip of the finger is larger, a study on one machine is not
)
Positive = Annotated[int, Field(ge=1, le=LARGEST)]


class ConfigError(ValueError):
    """A mistake in the configuration, as a sentence for the user."""


def short(value: Any, most: int = 80, quoted: bool = True) -> str:
    """A value as a sentence quotes it: at most so many characters."""
    text = repr(value) if quoted else str(value)
    return text if len(text) <= most else f"{text[: most - 20]} ... ({len(text)} characters)"


def nearest(word: str, allowed) -> str:
    """` (did you mean 'x'?)` where something similar is allowed, else nothing."""
    match = difflib.get_close_matches(str(word)[:100], [str(a) for a in allowed], n=1)
    return f" (did you mean {match[0]!r}?)" if match else ""


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(f"{short(text)} is no line of printable text")
    if "<" in text:
        raise ValueError(f"{short(text)} holds '<', which some pages would take for HTML")
    return text


Line = Annotated[str, AfterValidator(_one_line)]  # as it is printed


class Section(BaseModel):
    """A part of the configuration. Unknown keys are mistakes; values never change after reading.

    A value has the type that is wanted, or it is a mistake: `true` is no 1, `"100"` and `100.0` are no 100. Whole
    numbers stand for numbers, and lists for tuples.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    keys = ", ".join(cls.model_fields)
                    raise ValueError(f"unknown key {short(key)}{nearest(key, cls.model_fields)}; allowed: {keys}")
        return exchanged(data, list, tuple)

    def updated(self, other: "Section | None"):
        """This section with the keys that `other` sets explicitly (how a variant overrides the study's defaults)."""
        return self if other is None else self.model_copy(update={k: getattr(other, k) for k in other.model_fields_set})


def exchanged(value: Any, given: type, wanted: type) -> Any:
    """Plain data with every sequence of one type, at any depth, as one of another type."""
    if isinstance(value, given):
        return wanted(exchanged(entry, given, wanted) for entry in value)
    if isinstance(value, dict):
        return {key: exchanged(entry, given, wanted) for key, entry in value.items()}
    return value


_REMEDIES = {  # by the type of a mistake
    "int_type": "write a whole number in digits, without quotes",
    "float_type": "write a number in digits, without quotes",
    "bool_type": "write true or false, without quotes",
    "string_type": "write a word; quotes make it one",
    "tuple_type": "write a list, [ ... ]",
    "model_type": "write a mapping of keys",
    "dict_type": "write a mapping of keys",
}
TASK = "task:"  # marks the part of a mistake's location that only says which task a variant has


def sentence(error: ValidationError) -> str:
    """What is wrong, where, and what is allowed."""
    first, more = error.errors()[0], len(error.errors()) - 1
    where = ".".join(
        short(part, quoted=False) for part in first["loc"] if not str(part).startswith(("function-", "tuple[", TASK))
    )
    text = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        parent, _, key = where.rpartition(".")
        where, text = parent, f"the key {key!r} is missing"
    elif first["type"] == "unknown_task":
        text += f", got {short(first['input']['task'])}"
    elif first["type"] != "value_error":
        text = f"{text[0].lower()}{text[1:]}, got {short(exchanged(first['input'], tuple, list))}"
        text += f"; {_REMEDIES[first['type']]}" if first["type"] in _REMEDIES else ""
        if first["type"] == "literal_error":
            text += nearest(first["input"], re.findall("'([^']*)'", first["ctx"]["expected"]))
    text = short(f"{where}: {text}" if where else text, 1000, quoted=False)
    return text + (f" (and {more} more)" if more else "")
