"""The Python client, asyncio and threaded, with a service in the same process."""
