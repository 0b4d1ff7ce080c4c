"""Inputs and relays of a door."""
