"""Whose network each answered address is in, as it was known on that date.

The columns of ``tables.Origins``, after *date* and *vantage*.
"""

from resolver_diff.exporters import Exporter, _sides
from resolver_diff.tables import Origins

EXPORTER = Exporter("whose network each answered address is in", _sides.schema(Origins), _sides.frames(Origins))
