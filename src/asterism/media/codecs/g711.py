"""G.711, both laws: tables (:mod:`asterism.media.g711`)."""

from __future__ import annotations

from asterism.media import g711
from asterism.media.codecs.codec import Codec, Loaded, Step
from asterism.media.formats import ALAW, SLIN, ULAW

_STEPS = (
    Step(ULAW, ALAW, g711.ulaw_to_alaw),
    Step(ALAW, ULAW, g711.alaw_to_ulaw),
    Step(ULAW, SLIN, g711.ulaw_to_linear),
    Step(ALAW, SLIN, g711.alaw_to_linear),
    Step(SLIN, ULAW, g711.linear_to_ulaw),
    Step(SLIN, ALAW, g711.linear_to_alaw),
)

CODEC = Codec((ULAW, ALAW), lambda: Loaded(_STEPS))
