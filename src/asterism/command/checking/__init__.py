"""What ``asterism check`` looks at, by subject."""
