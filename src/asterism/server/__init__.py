"""The server: what assembles every layer, loads the modules and runs."""
