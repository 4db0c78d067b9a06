"""Session supplements, one aspect of a call and one module in each file."""
