"""How a run ended."""

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """How a run ended."""

    steps: int
    seconds: float
    """Of virtual time."""
    items: int = 0
    calls: int = 0
    unknown: int = 0
    wire_at_deaths: int = 0
    deaths: int = 0
    complete: bool = False
    words: dict = field(default_factory=dict)
