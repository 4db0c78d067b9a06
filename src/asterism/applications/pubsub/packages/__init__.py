"""Event packages, one module each: what can be subscribed to."""
