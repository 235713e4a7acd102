"""Receiving in two steps, and the limits of both families of queues."""
