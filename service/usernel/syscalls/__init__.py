"""The doors' table: one row a system call, from which REST, WebSocket, the in-process call and the documents come."""
