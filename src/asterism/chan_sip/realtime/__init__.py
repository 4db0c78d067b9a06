"""Peers of ``sip.conf`` in databases: the families ``sippeers``, ``sipusers`` and ``sipregs``."""
