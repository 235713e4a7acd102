"""What crosses the line between user and kernel: numbers, flags, names and struct layouts of Linux, as data only.

One module for each uapi header. Nothing here decides anything; the kernel, the doors and the clients' tables read it.
"""
