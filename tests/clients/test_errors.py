"""Errors as values: what they say, and that they can be passed on."""

from __future__ import annotations

import copy
import errno
import pickle

import pytest

from usernel.abi.errno import Errno
from usernel_client import Client, ConnectionLost, KernelError, MessageQueue, ProtocolError


async def test_a_kernel_error_has_number_name_and_sentence(queue: MessageQueue):
    with pytest.raises(KernelError) as caught:
        await queue.receive(flags="IPC_NOWAIT")
    error = caught.value
    assert (error.errno, error.name) == (errno.ENOMSG, "ENOMSG")
    assert error.detail == error.strerror == error.args[1] != ""
    assert str(error) == f"[Errno 42] {error.detail}"
    assert isinstance(error, OSError)


@pytest.mark.parametrize("number", [Errno.EPERM, Errno.ENOENT, Errno.EACCES, Errno.EAGAIN, Errno.EIDRM])
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_kernel_error_survives_copying(again, number: Errno):
    error = again(KernelError(number, number.name, "why"))
    assert (type(error), error.errno, error.name, error.detail) == (KernelError, number, number.name, "why")
    assert str(error) == f"[Errno {number:d}] why"


def test_other_errors_say_what_they_are():
    assert (ProtocolError(401, "why").status, ProtocolError(401, "why").detail) == (401, "why")
    assert isinstance(ConnectionLost("gone"), ConnectionError)
    assert not isinstance(ConnectionLost("gone"), KernelError)


async def test_a_malformed_argument_is_a_protocol_error_with_its_name(client: Client):
    with pytest.raises(ProtocolError) as caught:
        await client.call("msgget", key="0x4d2", msgflg="NO_SUCH_FLAG")
    assert caught.value.status == 400
    assert "msgflg" in caught.value.detail
    assert "NO_SUCH_FLAG" in caught.value.detail


async def test_the_connection_goes_on_after_a_malformed_call(client: Client):
    with pytest.raises(ProtocolError):
        await client.call("msgget", nothing=1)
    assert await client.calls.getpid() == 3


async def test_a_client_that_is_not_connected_says_so():
    with pytest.raises(RuntimeError, match="not connected: use `async with Client"):
        await Client("http://127.0.0.1:1").msgget(1)


async def test_every_waiter_has_an_error_of_its_own(queue: MessageQueue):
    await queue.remove()
    errors = []
    for _ in range(2):
        with pytest.raises(KernelError) as caught:
            await queue.receive()
        errors.append(caught.value)
    assert errors[0] is not errors[1]
    assert [error.name for error in errors] == ["EINVAL", "EINVAL"]
