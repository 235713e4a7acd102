"""The table of opcodes: what each wants, and the functions that prepare and issue it (``io_uring/opdef.c``).

``PROBE``, the features and the support table are made from it: an opcode without a row is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .outcome import Outcome
from .sqe import Sqe

if TYPE_CHECKING:
    from .request import Request


def plain_done(req: Request, result: Any) -> int:
    """A job's result is the request's."""
    return int(result)


@dataclass(frozen=True, slots=True)
class Op:
    """One opcode.

    ``prep`` checks the entry and keeps in ``req.data`` what ``issue`` needs; it raises ``KernelError``. ``issue`` is
    called to do it, again after each wait: it returns the result, a ``Job`` for the port, or what ``Outcome`` lists.
    ``done`` turns a job's result into the request's; ``fail`` tidies up where it ends without being issued, ``cleanup``
    lets go of what it holds, however it ends. The flags are those of ``struct io_issue_def``. ``keeps_chain``: where it
    fails when it is done, what is linked to it follows, for Linux forgets to say so (``req_set_fail``); so it is silent
    then, too, where only its success was to be. ``partial`` says what is missing, empty where it is whole.
    """

    name: str
    prep: Callable[[Request, Sqe], None]
    issue: Callable[[Request], Outcome]
    done: Callable[[Request, Any], int] = plain_done
    fail: Callable[[Request], None] | None = None
    cleanup: Callable[[Request], None] | None = None
    needs_file: bool = False
    pollin: bool = False
    pollout: bool = False
    hash_reg_file: bool = False
    unbound_nonreg_file: bool = False
    buffer_select: bool = False
    ioprio: bool = False
    iopoll: bool = False
    vectored: bool = False
    wants_user_data: bool = False
    """Whether ``addr`` names another request."""
    keeps_chain: bool = False
    partial: str = ""


Ops = Mapping[int, Op]
