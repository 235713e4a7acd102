"""Unmodified programs on our kernel: their queue calls are trapped by seccomp user notification and served here.

``filter.py`` says which calls are trapped, ``notify_unsafe.py`` speaks with the host kernel, ``launch_unsafe.py``
starts the program under the filter. ``process.py`` keeps who calls, ``backend.py`` what acts for each in the kernel
that serves them: a task with its pid, credentials and IPC namespace. ``msg.py`` reads a call's registers and memory
and writes what came of it back. ``supervisor.py`` is the loop; a call that sleeps is a parked call of the kernel, and a
signal interrupts it.
"""
