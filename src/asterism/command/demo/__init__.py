"""``asterism demo``: a server that a phone can use at once, on a configuration made in ``./demo``."""
