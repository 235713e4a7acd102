"""``python -m usernel.bench``: files of asyncio programs, by usernel and by its peers, in one interleaved run.

A row is one way to do a work. Each is measured once a round, in a fresh process, and rounds follow one another in
another order: what the machine does meanwhile falls on all alike, so the goals are ratios of rows in the same round.
``reads``, ``small``, ``lines``, ``lateness`` and ``handler`` are the works, ``corpus`` the files, ``limit`` is fio;
``run`` measures, ``goals`` judges, ``table`` and ``chart`` show. Peers that are not installed are named, with what
installs them.
"""
