"""What the settings of analyses may say about prompts: kinds of pairs, and how many."""

from typing import Annotated, Literal, get_args

from pydantic import Field

FEWEST = 16  # pairs below which a kind is not measured
MOST = 65536
Kind = Literal["names", "query", "value", "rebinding", "global", "operator", "type", "language"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Count = Annotated[int, Field(ge=FEWEST, le=MOST)]
