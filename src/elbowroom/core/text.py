"""How numbers stand in sentences."""


def counted(number: int, what: str) -> str:
    """Return a number with its noun: 1 stage, 2 stages."""
    return f"{number} {what}{'' if number == 1 else 's'}"
