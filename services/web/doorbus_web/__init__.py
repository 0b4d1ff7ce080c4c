"""The pages and the HTTP API of doors."""
