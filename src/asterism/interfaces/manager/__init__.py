"""The manager interface (AMI): actions in, events out, over TCP and TLS."""
