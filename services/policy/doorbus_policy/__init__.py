"""Every decision about the calls of a door."""
