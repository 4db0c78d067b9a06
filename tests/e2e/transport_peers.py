"""Configuration for the tests of transports with foreign programs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_KIT = Path(__file__).parents[1] / "integration" / "transport" / "transports_kit.py"
_spec = importlib.util.spec_from_file_location("transports_kit", _KIT)
assert _spec is not None
assert _spec.loader is not None
_kit = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_kit)

accounts = _kit.accounts
http_conf = _kit.http_conf
make_certificates = _kit.make_certificates
transport = _kit.transport
