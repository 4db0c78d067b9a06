"""``Dial`` and ``RetryDial``: from the options to the end of the conversation, one file for each part of it."""
