"""Saying numbers, letters and times: which prompts, in which order, in which language; and saying them to a channel."""
