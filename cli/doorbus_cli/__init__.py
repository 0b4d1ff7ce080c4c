"""The doorbus command: runs a door on one box and talks to any door on the bus."""
