"""Call parking: calls that wait in the spaces of a lot until somebody dials the space."""
