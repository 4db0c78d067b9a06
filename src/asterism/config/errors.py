"""Several configuration errors at once, so that one run of the reader reports them all."""

from __future__ import annotations

from collections.abc import Sequence

from asterism.core.errors import ConfigError


class ConfigErrors(ConfigError):  # noqa: N818 - several of them
    """Everything that is wrong with one file or one object.

    ``errors`` holds each error with its own position; message, position and option are the
    first one's, so a caller that reports only one problem reports a real one.
    """

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(first.message + more, first.position, first.option, first.accepted)
        self.errors = list(errors)


def flatten(error: ConfigError) -> list[ConfigError]:
    """The single errors in ``error``."""
    if isinstance(error, ConfigErrors):
        return [single for inner in error.errors for single in flatten(inner)]
    return [error]
