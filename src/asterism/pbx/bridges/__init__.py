"""Channels that talk to each other."""
