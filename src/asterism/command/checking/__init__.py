"""The checks of ``asterism check``, by subject."""
