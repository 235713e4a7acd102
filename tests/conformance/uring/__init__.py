"""The conformance suite of rings: one program, on the host's io_uring and on ours, and its traces compared.

A *case* is a function that is handed a program (``program.Program``, called ``u``) and uses a ring as any program does:
it writes entries into shared memory, makes three system calls and reads completions out of shared memory. All that
(``userland``) is the same on every target; the targets differ below ``syscalls.Syscalls`` only. What Linux answered is
in ``golden/``, one file a module of cases; where the host is a Linux of the same release it is asked again in the same
run. ``python -m tests.conformance.uring.record [module ...]`` records them anew, after many equal runs of each case;
``python -m tests.conformance.uring.show TARGET MODULE.CASE`` prints the trace of one.

Writing a case::

    @case
    def write_then_read(u: Program) -> None:
        ring = u.ring(8)                                              # io_uring_setup, which has to succeed
        fd = u.file("f")                                              # real files, in a directory of the case's own
        ring.prep(OP_WRITE, fd=fd, addr=u.put(b"hello"), len=5)       # an entry; user_data 1, 2, ... unless given
        ring.submit()                                                 # io_uring_enter; traced
        ring.reap(1)                                                  # waits for one completion; traced
        u.show("f")                                                   # what the file holds

- Each case runs in a process of its own, in an empty directory, with memory of its own (``u.alloc``, ``u.put``): it may
  open, chdir, setuid and leave behind what it likes. A case that takes longer than ``worker.DEADLINE_S`` is killed, and
  its trace ends with ``hangs``.
- Everything that goes through ``u`` and its rings leaves an entry in the trace; ``u.note(name=value)`` leaves one for
  what the case itself looked at. A trace must be the same on every run and machine: numbers of descriptors are "fd",
  errors are names; leave out addresses, inode numbers, times (note comparisons instead: ``u.note(late=took > 0.02)``).
- Only opcodes of ``opcodes.OPCODES``, and only calls that a ring of ours could answer: no mmap or poll of a ring's
  descriptor by the case itself.
- Where Linux leaves the order of completions undefined, ``ring.reap(n, ordered=False)`` sorts them. ``reap(n)`` waits
  until n are there; ``reap()`` takes what is there now, and so says that nothing else has come.
- ``ring.do(OP, ...)`` is one request from entry to completion as one entry of the trace: for what is refused or
  does not wait. A loop over that is one case with many entries, not many cases. Keep waits at a few milliseconds.
"""
