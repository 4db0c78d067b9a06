"""What carries the audio of a bridge: one file for each technology."""

from __future__ import annotations

from asterism.pbx.bridges.technologies.native import NativeRtp
from asterism.pbx.bridges.technologies.simple import SimpleBridge

TECHNOLOGIES = (NativeRtp, SimpleBridge)
"""Those of the project."""
