"""The shell around the kernel: facts as bytes, time, durability."""
