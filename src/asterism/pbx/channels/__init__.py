"""The core of a channel, the technologies behind it, and what shows and changes channels."""
