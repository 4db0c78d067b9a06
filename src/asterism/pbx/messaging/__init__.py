"""Text messages outside calls: what one is, the queue that runs dialplan for them, MESSAGE() and MessageSend."""
