"""Journals: ordered durable bytes."""
