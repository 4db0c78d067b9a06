"""Who writes records down: to files, to databases; and the manager's event."""
