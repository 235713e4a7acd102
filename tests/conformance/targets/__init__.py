"""What can run a case: Linux itself, the kernel in process, and the service through its doors."""
