"""Channel event logging: what happens to channels, one record each."""
