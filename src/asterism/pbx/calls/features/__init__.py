"""Features on keys: what the parties of a call start by digits."""
