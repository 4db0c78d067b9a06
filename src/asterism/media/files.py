"""Sound files, by the name that this package had first; see :mod:`asterism.media.soundfiles`."""

from asterism.media.soundfiles import Sound, SoundError, Sounds

__all__ = ["Sound", "SoundError", "Sounds"]
