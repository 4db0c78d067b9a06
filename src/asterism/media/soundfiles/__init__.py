"""Sound files: found by name and language, read piece by piece, cut into frames of the format that a stream sends.

Each kind of file is a file in :mod:`~asterism.media.soundfiles.kinds`, found without an edit anywhere else.
"""

from asterism.media.soundfiles.contents import SoundError
from asterism.media.soundfiles.search import Sounds
from asterism.media.soundfiles.sound import Sound

__all__ = ["Sound", "SoundError", "Sounds"]
