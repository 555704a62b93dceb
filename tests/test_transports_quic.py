"""DoQ against a resolver on loopback that resets, lies, hangs and shows the wrong papers."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aioquic.quic.packet import QuicPacketType, encode_quic_version_negotiation, pull_quic_header

from hostile import all_of, asking, kind_of, query, reply
from quic_servers import DAY, NAME, NOW, YEAR, Authority, Certificate, QuicResolver, Talk
from resolver_diff.transports import Endpoint, Responses, Trouble
from resolver_diff.transports.quic import TRANSPORT
