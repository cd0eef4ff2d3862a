"""Methods that learn from sounds."""
