"""The ``asterism`` command: the server in the foreground, one console command, the demo."""
