"""Calls: dialling, originating, bridging, transferring, pickup and Local channels."""
