"""Calls that are routed, beside the same on uvloop."""
