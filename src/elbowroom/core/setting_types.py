"""What the settings of params.yaml are made of: the base class, and the types of names and numbers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Settings(BaseModel):
    """A section of params.yaml, or an entry of one: frozen, without unknown keys, no value turned into another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


# A name is part of file names, of stage names (train@NAME) and of keys (`dvc exp run -S variants.NAME.beta=4`, where a
# dot separates).
NAME = r"^[a-z][a-z0-9_-]{0,63}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
PositiveInt = Annotated[Count, Field(ge=1)]
LearningRate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(min_length=1)]
