"""Call detail records: who was connected to whom, from when to when, made of the events of channels and bridges."""
