"""The PBX put together, and the channel that extensions get."""
