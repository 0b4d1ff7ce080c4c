"""A door as it is now: a pure fold over what the bus tells, and its way to the viewers."""
