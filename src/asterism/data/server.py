"""Interface of a server for packages that build on the data access layer."""

from __future__ import annotations

from typing import Protocol

from asterism.core.module import CoreServer
from asterism.data.data import Data


class DataServer(CoreServer, Protocol):
    """A :class:`CoreServer` with typed, persistent objects."""

    data: Data
