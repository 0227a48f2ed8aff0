"""Layer knock-out: what exact match costs when the mixer or the MLP of a layer says nothing of this program."""

from pydantic import Field

from lolameme.study.sections import Positive, Section

TITLE = "Which layers are needed"


class Settings(Section):
    """How knock-out is measured."""

    prompts: Positive = Field(256, description="prompts per cell")
