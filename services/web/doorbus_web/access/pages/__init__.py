"""Signing in and out, one's own account, users and tokens."""
