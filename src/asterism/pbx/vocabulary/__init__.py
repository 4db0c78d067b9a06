"""Words that every room of the PBX uses: parties, causes, conditions, errors, events, marks."""
