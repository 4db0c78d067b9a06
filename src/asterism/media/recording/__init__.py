"""Recording audio: what passes a stream is captured, placed in time, mixed and written to files by a thread."""
