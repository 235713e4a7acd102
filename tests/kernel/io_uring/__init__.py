"""The core of io_uring, on a simulated environment."""
