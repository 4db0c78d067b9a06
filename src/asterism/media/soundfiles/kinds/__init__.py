"""The kinds of sound files: each file here has ``KINDS``, a tuple of :class:`~..contents.Kind`."""
