"""What is found out when a run has asked everything, told on stderr."""

from dataclasses import dataclass

from resolver_diff.commands._output import talk
from resolver_diff.library import beside
from resolver_diff.library.saying import Tell


@dataclass(slots=True)
class Beside(beside.Beside):
    """Looks up what is to lie beside a snapshot, and tells what it does."""

    tell: Tell = talk
