"""What TLS handshakes with answered addresses told.

The columns of ``tables.Certificates``, after *date* and *vantage*.
"""

from resolver_diff.exporters import Exporter, _sides
from resolver_diff.tables import Certificates

EXPORTER = Exporter(
    "what TLS handshakes with answered addresses told", _sides.schema(Certificates), _sides.frames(Certificates)
)
