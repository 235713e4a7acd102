"""``asm/signal.h`` and ``asm-generic/siginfo.h``: signals by number and name, and their default actions."""

from __future__ import annotations

from typing import Final

from .names import Names

_NAMED: Final = (
    "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM "
    "SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF "
    "SIGWINCH SIGIO SIGPWR SIGSYS"
).split()

NSIG: Final = 64
SIGRTMIN: Final = 32
"""As the kernel counts; glibc keeps 32 and 33 for itself and starts at 34."""

SIGNALS: Final = Names(
    "signal",
    {name: number for number, name in enumerate(_NAMED, 1)}
    | {f"SIGRT{number}": number for number in range(SIGRTMIN, NSIG + 1)},
    one=True,
)

SIGHUP: Final = 1
SIGINT: Final = 2
SIGKILL: Final = 9
SIGUSR1: Final = 10
SIGUSR2: Final = 12
SIGTERM: Final = 15
SIGCHLD: Final = 17
SIGCONT: Final = 18
SIGSTOP: Final = 19
SIGTSTP: Final = 20
SIGTTIN: Final = 21
SIGTTOU: Final = 22
SIGURG: Final = 23
SIGWINCH: Final = 28

DEFAULT_IGNORED: Final = frozenset({SIGCHLD, SIGCONT, SIGURG, SIGWINCH})
DEFAULT_STOPS: Final = frozenset({SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU})
UNBLOCKABLE: Final = frozenset({SIGKILL, SIGSTOP})

SIG_DFL: Final = 0
SIG_IGN: Final = 1
SIG_CATCH: Final = 2
"""usernel's word for "a handler is installed": a task here has no code of its own that a signal could run."""
HANDLERS: Final = Names("sa_handler", {"SIG_DFL": SIG_DFL, "SIG_IGN": SIG_IGN, "SIG_CATCH": SIG_CATCH}, one=True)

SA_NOCLDSTOP: Final = 1
SA_NOCLDWAIT: Final = 2
SA_RESTART: Final = 0x10000000
SA_RESETHAND: Final = 0x80000000
SA_FLAGS: Final = Names(
    "sa_flags",
    {
        "SA_NOCLDSTOP": 1,
        "SA_NOCLDWAIT": 2,
        "SA_SIGINFO": 4,
        "SA_ONSTACK": 0x08000000,
        "SA_RESTART": SA_RESTART,
        "SA_NODEFER": 0x40000000,
        "SA_RESETHAND": SA_RESETHAND,
    },
)

SIG_BLOCK: Final = 0
SIG_UNBLOCK: Final = 1
SIG_SETMASK: Final = 2
HOW: Final = Names("sigprocmask_how", {"SIG_BLOCK": 0, "SIG_UNBLOCK": 1, "SIG_SETMASK": 2}, one=True)

SI_USER: Final = 0
SI_KERNEL: Final = 0x80
SI_QUEUE: Final = -1
SI_MESGQ: Final = -3
SI_TKILL: Final = -6
SI_CODES: Final = Names(
    "si_code",
    {"SI_USER": SI_USER, "SI_KERNEL": SI_KERNEL, "SI_QUEUE": SI_QUEUE, "SI_MESGQ": SI_MESGQ, "SI_TKILL": SI_TKILL}
    | {"CLD_EXITED": 1, "CLD_KILLED": 2, "CLD_DUMPED": 3, "CLD_STOPPED": 5, "CLD_CONTINUED": 6},
    one=True,
)


def mask(signals: frozenset[int]) -> int:
    """The bits of a ``sigset_t`` for some signals: signal n is bit n - 1."""
    bits = 0
    for number in signals:
        bits |= 1 << (number - 1)
    return bits
