"""The service over HTTP: its REST routes, its WebSockets, and who may come in."""
