"""The console: a local socket on which ``asterism -r`` and ``asterism -rx`` run commands."""
