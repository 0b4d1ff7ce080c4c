"""Which schedules and call templates of a door are active now."""
