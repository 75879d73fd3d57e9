"""What may go wrong on the way between a worker, the store and the queue."""

from dataclasses import dataclass

from tests.simulation.kernel import MICRO


@dataclass
class Faults:
    """How likely each is, whenever it could happen."""

    lost_answer: float = 0.0
    lost_bell: float = 0.0
    publish_fails: float = 0.0
    message_lost: float = 0.0
    message_doubled: float = 0.0
    settled_again_late: float = 0.0
    crash: float = 0.0
    slow_way: float = 0.0
    slow_queue: float = 0.0
    forget: int = 3 * MICRO
    """After this long a worker counts a lost message's calls as free."""
