"""What all specs share: they hold everything that changes a result, and nothing else."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """Immutable parameters of a stage: equal specs give equal results on any machine.

    The text under a field is its description in Prefect's forms and in `--help`, hence written for
    users, as a sentence that also reads well after an option's name.
    """

    # Unknown fields are refused: a mistyped one would silently keep its default.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
