"""Recording of calls: ``MixMonitor``, one-touch recording, and what programs record."""
