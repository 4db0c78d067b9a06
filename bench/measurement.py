"""What a load has shown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Measurement:
    """One load's result: microseconds of server CPU per operation, and why it would not count."""

    operation: str
    microseconds: float
    achieved: float
    good: int
    complaints: list[str] = field(default_factory=list)

    @property
    def valid(self) -> bool:
        """Whether the measurement is valid."""
        return not self.complaints
