"""SIP accounts, calls and call audio of a door."""
