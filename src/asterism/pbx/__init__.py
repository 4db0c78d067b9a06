"""Channels, bridges, dialplan, device states: the PBX, whatever protocol the calls speak."""
