"""Ordered durable bytes. What a journal keeps it does not understand."""
