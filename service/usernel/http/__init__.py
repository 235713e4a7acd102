"""The doors over HTTP: REST, WebSocket, the documents, and what guards them."""
