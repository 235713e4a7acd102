"""Namespaces: what a task sees of the kernel's objects. IPC namespaces are whole; the other kinds are not there yet."""
