"""Spying: a channel that listens to others, and speaks to them, without being in their calls."""
