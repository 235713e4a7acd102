"""The bodies of REST requests: their shape only. What a value means, and whether it may be, the kernel decides."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, WithJsonSchema, model_validator

from usernel.abi.io_uring import IORING_MAX_ENTRIES
from usernel.abi.ipc import DURABILITY
from usernel.kernel.ns.ipc import EPHEMERAL
from usernel.syscalls.sqe import SQE

from .schema import in_schema

Name = Annotated[int | str, Field(union_mode="left_to_right")]
Flags = Annotated[int | str | list[Name], Field(description="a number, a name, or a list of names and numbers")]
Mode = Annotated[int | str, Field(description='permission bits: a number, or octal digits ("0600")')]
Wait = Annotated[float | None, Field(ge=0, le=60, description="seconds; absent or 0 does not wait")]
Kept = Literal["durable", "ephemeral"]
Durability = Annotated[
    Kept | None, Field(description="of a new queue: whether it outlives the service; null as its IPC namespace says")
]
MOST: Final = 1000
"""Messages in one request, as items on one page."""


class Body(BaseModel):
    """A request's body: no other fields than these, and no guessing at types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Content(Body):
    """The bytes of a message: ``data`` in base64, or ``text``, which is sent as UTF-8."""

    data: str | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Content:
        if (self.data is None) == (self.text is None):
            raise ValueError("one of 'data' (base64) and 'text' is wanted")
        _ = self.content
        return self

    @property
    def content(self) -> bytes:
        """The bytes. ValueError for what is not base64."""
        if self.text is not None:
            return self.text.encode()
        try:
            return base64.b64decode(self.data or "", validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"'data' is not base64: {error}") from None


class MsgCreate(Body):
    """msgget(2)."""

    key: Name
    flags: Flags = []
    mode: Mode = "0600"
    durability: Durability = None


class MsgSet(Body):
    """IPC_SET; what is absent stays."""

    msg_qbytes: int | None = None
    uid: int | None = None
    gid: int | None = None
    mode: Mode | None = None


class MsgMessage(Content):
    """A message to a System V queue."""

    mtype: int
    wait: Wait = None


class MsgMessages(RootModel[MsgMessage | Annotated[list[MsgMessage], Field(min_length=1, max_length=MOST)]]):
    """One message, or a list of them, sent in order; ``wait`` of the first counts for all."""


class MsgReceive(Body):
    """msgrcv(2); with ``max`` many at a time."""

    msgtyp: int = 0
    msgsz: int | None = None
    flags: Flags = []
    wait: Wait = None
    max: Annotated[int, Field(ge=1, le=MOST)] | None = None


class MqAttr(Body):
    """``struct mq_attr`` of a new queue."""

    mq_maxmsg: int
    mq_msgsize: int


class MqCreate(Body):
    """mq_open(3) with O_CREAT."""

    attr: MqAttr | None = None
    mode: Mode = "0600"
    flags: Flags = []
    durability: Durability = None


class MqSet(Body):
    """mq_setattr(3)."""

    mq_flags: Flags = []


class MqMessage(Content):
    """A message to a POSIX queue."""

    priority: int = 0
    wait: Wait = None


class MqMessages(RootModel[MqMessage | Annotated[list[MqMessage], Field(min_length=1, max_length=MOST)]]):
    """One message, or a list of them, sent in order; ``wait`` of the first counts for all."""


class MqReceive(Body):
    """mq_receive(3); with ``max`` many at a time."""

    wait: Wait = None
    max: Annotated[int, Field(ge=1, le=MOST)] | None = None


class TaskCreate(Body):
    """fork(2), and what the child does first. Without a ``ttl`` (seconds) it lives until it is deleted."""

    uid: int | None = None
    gid: int | None = None
    groups: list[int] | None = None
    unshare: Flags = []
    comm: str | None = None
    ttl: int | None = None


class Unshare(Body):
    """unshare(2)."""

    flags: Flags


class SetNs(Body):
    """setns(2): one namespace by its link (``ipc:[4026531839]``), or those of a task (``pid``) that ``flags`` name."""

    ns: str | None = None
    pid: int | None = None
    flags: Flags = []

    @model_validator(mode="after")
    def _one_of_both(self) -> SetNs:
        if (self.ns is None) == (self.pid is None):
            raise ValueError("one of 'ns' (a link) and 'pid' (with 'flags') is wanted")
        return self


class Renew(Body):
    """A task's lease, renewed: ``ttl`` seconds from now."""

    ttl: int


class NamespaceSet(Body):
    """Numbers under /proc/sys by their names, and whether the namespace is kept without tasks."""

    sysctls: dict[str, int] = {}
    durability: Annotated[
        Kept | None, Field(description="of an IPC namespace: usernel.ephemeral in words, for its new queues")
    ] = None
    pinned: bool | None = None

    @model_validator(mode="after")
    def _said_once(self) -> NamespaceSet:
        if self.durability is not None and EPHEMERAL in self.sysctls:
            raise ValueError(f"'durability' is the sysctl {EPHEMERAL}: give one of them")
        return self

    @property
    def numbers(self) -> dict[str, int]:
        """Every sysctl to write."""
        more = {} if self.durability is None else {EPHEMERAL: DURABILITY.values[self.durability]}
        return {**self.sysctls, **more}


class RingCreate(Body):
    """io_uring_setup(2); ``cq_entries`` asks for IORING_SETUP_CQSIZE."""

    entries: int
    flags: Flags = []
    cq_entries: int | None = None


Sqes = Annotated[
    list[dict[str, Any]],
    Field(max_length=IORING_MAX_ENTRIES),
    WithJsonSchema({"type": "array", "items": in_schema(SQE), "maxItems": IORING_MAX_ENTRIES}),
]
"""Submissions, by liburing's names of their fields."""


class RingEnter(Body):
    """io_uring_enter(2): submit, and wait for ``min_complete`` completions: one, where only ``wait`` is given."""

    sqes: Sqes = []
    min_complete: int | None = None
    wait: Wait = None


class RingRegister(Body):
    """io_uring_register(2)."""

    opcode: Name
    arg: Any = None
    nr_args: int | None = None


class Arguments(Body):
    """The arguments of a system call, by name; ``GET /v1/syscalls`` tells them."""

    args: dict[str, Any] = {}


def flags_and(flags: int | str | list[int | str], *more: int | str) -> list[int | str]:
    """Flags as a list, with more of them."""
    return [*(flags if isinstance(flags, list) else [flags]), *more]
