"""What a codec brings, and that its library's absence is a reason and no error."""

from __future__ import annotations

from asterism.media.codecs.codec import Codec, Loaded, Step, loaded, whole_by
from asterism.media.codecs.library import MissingLibraryError
from asterism.media.formats import SLIN, ULAW


def test_the_library_is_looked_for_once():
    asked = []

    def load():
        asked.append(1)
        return Loaded((Step(ULAW, SLIN, bytes),))

    codec = Codec((ULAW,), load)
    assert loaded(codec) is loaded(codec)
    assert asked == [1]


def test_a_missing_library_is_the_reason_of_a_codec_without_steps():
    def load():
        raise MissingLibraryError("install libnone")

    assert loaded(Codec((ULAW,), load)) == Loaded((), "install libnone")


def test_a_whole_sound_is_one_stream_filled_up():
    def stream():
        given = []

        def translate(data):
            given.append(data)
            return b"%d:%d" % (len(given), len(data))

        return translate

    assert whole_by(stream)(b"abc") == b"1:3"
    assert whole_by(stream, 4)(b"abc") == whole_by(stream, 4)(b"abcd") == b"1:4"
    assert whole_by(stream, 4)(b"") == b""
