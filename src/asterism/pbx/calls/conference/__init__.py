"""Conferences: a mixing bridge with a name, who is in it and as what, and its announcer."""
