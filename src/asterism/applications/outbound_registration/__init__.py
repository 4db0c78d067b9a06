"""Outbound registration: this server registers at others (``type=registration``)."""
