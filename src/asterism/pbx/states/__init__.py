"""Things whose state can be watched: devices, hints, presence."""
