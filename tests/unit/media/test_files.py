"""The name that sound files had first."""

from __future__ import annotations

from asterism.media import files, soundfiles


def test_the_names_are_the_same() -> None:
    assert files.__all__ == soundfiles.__all__
    assert all(getattr(files, name) is getattr(soundfiles, name) for name in files.__all__)
