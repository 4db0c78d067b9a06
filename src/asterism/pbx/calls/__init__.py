"""What makes and moves calls."""
