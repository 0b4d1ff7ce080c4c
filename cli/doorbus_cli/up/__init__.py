"""`doorbus up`: one door on one box, every service a process of its own, kept alive and ended in order."""
