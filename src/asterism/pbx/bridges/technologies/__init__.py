"""Bridge technologies, which carry the audio of a bridge: one file each."""

from __future__ import annotations

from asterism.pbx.bridges.technologies.holding import HoldingBridge
from asterism.pbx.bridges.technologies.native import NativeRtp
from asterism.pbx.bridges.technologies.simple import SimpleBridge
from asterism.pbx.bridges.technologies.softmix import SoftMix

TECHNOLOGIES = (NativeRtp, HoldingBridge, SimpleBridge, SoftMix)
"""The bridge technologies of the project."""
