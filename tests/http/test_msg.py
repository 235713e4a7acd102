"""System V queues by REST: names, shapes, statuses."""

from __future__ import annotations

from base64 import b64encode

import pytest

from .asking import Ask

IPC_CREAT, IPC_EXCL = 0o1000, 0o2000
QUEUE_FIELDS = {
    "msqid", "msg_perm", "msg_stime", "msg_rtime", "msg_ctime", "msg_cbytes", "msg_qnum", "msg_qbytes", "msg_lspid",
    "msg_lrpid", "senders", "receivers", "held", "oldest", "durability",
}  # fmt: skip


async def test_making_answers_201_and_finding_200_with_the_same_id(ask: Ask):
    body = {"key": "0x4d2", "flags": ["IPC_CREAT"], "mode": "0640"}
    status, made = await ask("POST /v1/msg", body)
    assert (status, set(made)) == (201, {"msqid"})
    assert await ask("POST /v1/msg", body) == (200, made)
    assert await ask("POST /v1/msg", {"key": 1234}) == (200, made)
    assert (await ask.done(f"GET /v1/msg/{made['msqid']}"))["msg_perm"]["mode"] == 0o640


async def test_excl_refuses_what_is_there_and_no_creat_what_is_not(ask: Ask, msqid: int):
    assert await ask.refused("POST /v1/msg", {"key": 1234, "flags": ["IPC_CREAT", "IPC_EXCL"]}) == (409, "EEXIST")
    assert await ask.refused("POST /v1/msg", {"key": 1235}) == (404, "ENOENT")


async def test_a_private_key_makes_a_new_queue_each_time(ask: Ask):
    made = [await ask("POST /v1/msg", {"key": key}) for key in ("IPC_PRIVATE", 0, "0")]
    assert [status for status, _ in made] == [201, 201, 201]
    assert len({body["msqid"] for _, body in made}) == 3


@pytest.mark.parametrize("key", [1234, "1234", "0x4d2", "0x4D2", "02322"])
async def test_a_key_is_spelled_in_several_ways(ask: Ask, msqid: int, key: int | str):
    assert await ask("POST /v1/msg", {"key": key}) == (200, {"msqid": msqid})


@pytest.mark.parametrize(
    "flags",
    [IPC_CREAT | IPC_EXCL, ["IPC_CREAT", "IPC_EXCL"], ["IPC_CREAT", IPC_EXCL], [IPC_CREAT, IPC_EXCL],
     [IPC_CREAT | IPC_EXCL], "IPC_CREAT | IPC_EXCL"],
)  # fmt: skip
async def test_flags_are_a_number_or_names_and_numbers_in_a_list(ask: Ask, flags):
    assert (await ask("POST /v1/msg", {"key": 77, "flags": flags}))[0] == 201
    assert await ask.refused("POST /v1/msg", {"key": 77, "flags": flags}) == (409, "EEXIST")


@pytest.mark.parametrize("mode", ["0640", "640", 0o640])
async def test_a_mode_is_octal_digits_or_a_number(ask: Ask, mode: int | str):
    made = await ask.done("POST /v1/msg", {"key": 0, "mode": mode})
    assert (await ask.done(f"GET /v1/msg/{made['msqid']}"))["msg_perm"]["mode"] == 0o640


@pytest.mark.parametrize(
    "body",
    [{}, {"key": None}, {"key": 1.5}, {"key": True}, {"key": "nonsense"}, {"key": 1, "mode": "0999"},
     {"key": 1, "flags": ["IPC_CREATE"]}, {"key": 1, "flags": {}}, {"key": 1, "colour": "red"}, {"key": 2**40},
     {"key": 1, "flags": 2**40}, [], "x", 7, b"{", b"\xff", b"[" * 100_000],
)  # fmt: skip
async def test_what_is_no_body_is_400_and_makes_nothing(ask: Ask, body):
    assert await ask.refused("POST /v1/msg", body) == (400, None)
    assert await ask.done("GET /v1/msg") == {"items": [], "next": None}


async def test_a_queue_is_shown_as_ipc_stat_shows_it(ask: Ask, msqid: int):
    await ask.done(f"POST /v1/msg/{msqid}/messages", {"mtype": 1, "text": "hello"})
    shown = await ask.done(f"GET /v1/msg/{msqid}")
    assert set(shown) == QUEUE_FIELDS
    assert set(shown["msg_perm"]) == {"key", "uid", "gid", "cuid", "cgid", "mode", "seq"}
    counts = ("msqid", "msg_cbytes", "msg_qnum", "msg_lspid", "msg_lrpid", "senders", "receivers", "held")
    assert [shown[name] for name in counts] == [msqid, 5, 1, 2, 0, 0, 0, 0]
    assert await ask.done("GET /v1/msg") == {"items": [shown], "next": None}


async def test_setting_answers_the_queue_and_leaves_what_is_absent(ask: Ask, msqid: int):
    before = await ask.done(f"GET /v1/msg/{msqid}")
    status, shown = await ask(f"PATCH /v1/msg/{msqid}", {"msg_qbytes": 100, "uid": 5, "gid": 6, "mode": "0622"})
    assert (status, set(shown), shown["msg_qbytes"]) == (200, QUEUE_FIELDS, 100)
    assert shown["msg_perm"] == {**before["msg_perm"], "uid": 5, "gid": 6, "mode": 0o622}
    again = await ask.done(f"PATCH /v1/msg/{msqid}", {"mode": 0o600})
    assert (again["msg_qbytes"], again["msg_perm"]) == (100, {**shown["msg_perm"], "mode": 0o600})
    assert await ask.refused(f"PATCH /v1/msg/{msqid}", {"msg_cbytes": 1}) == (400, None)


async def test_whoever_may_set_and_not_read_is_answered_the_id(ask: Ask):
    owner = (await ask.done("POST /v1/tasks", {"uid": 1000}))["pid"]
    made = await ask.done("POST /v1/msg", {"key": 0, "mode": 0}, task=owner)
    assert await ask(f"PATCH /v1/msg/{made['msqid']}", {"mode": 0o200}, task=owner) == (200, made)
    assert (await ask.done(f"GET /v1/msg/{made['msqid']}"))["msg_perm"]["mode"] == 0o200


async def test_removing_is_204_without_a_body_and_once(ask: Ask, msqid: int):
    assert await ask(f"DELETE /v1/msg/{msqid}") == (204, None)
    for line in ("DELETE", "GET", "PATCH"):
        assert await ask.refused(f"{line} /v1/msg/{msqid}") == (422, "EINVAL")


@pytest.mark.parametrize("content", [{"text": "grüße"}, {"data": b64encode("grüße".encode()).decode()}])
async def test_text_and_data_are_the_same_bytes(ask: Ask, msqid: int, content):
    assert await ask(f"POST /v1/msg/{msqid}/messages", {"mtype": 3, **content}) == (200, {"sent": 1})
    wanted = {"mtype": 3, "data": "Z3LDvMOfZQ==", "text": "grüße"}
    peeked = await ask.done(f"GET /v1/msg/{msqid}/messages")
    assert peeked == {"items": [{"seq": peeked["items"][0]["seq"], **wanted}], "next": None}
    assert await ask(f"POST /v1/msg/{msqid}/receive") == (200, wanted)


async def test_bytes_that_are_no_utf8_have_no_text(ask: Ask, msqid: int):
    await ask.done(f"POST /v1/msg/{msqid}/messages", {"mtype": 1, "data": "/w=="})
    assert await ask.done(f"POST /v1/msg/{msqid}/receive", {}) == {"mtype": 1, "data": "/w=="}


async def test_an_empty_message_is_one(ask: Ask, msqid: int):
    await ask.done(f"POST /v1/msg/{msqid}/messages", {"mtype": 1, "text": ""})
    assert await ask.done(f"POST /v1/msg/{msqid}/receive", {}) == {"mtype": 1, "data": "", "text": ""}


@pytest.mark.parametrize(
    "body",
    [{}, {"mtype": 1}, {"text": "x"}, {"mtype": 1, "text": "x", "data": "eA=="}, {"mtype": 1, "data": "no base64"},
     {"mtype": "1", "text": "x"}, {"mtype": 1, "text": 7}, {"mtype": 1, "text": "x", "prio": 1}, [], [[1, "x"]],
     {"mtype": 1, "text": "x", "wait": -1}, {"mtype": 1, "text": "x", "wait": 60.5},
     {"mtype": 1, "text": "x", "wait": "1"}, b'{"mtype": 1, "text": "x", "wait": NaN}',
     b'{"mtype": 1, "text": "\\ud800"}',
     [{"mtype": 1, "text": "x"}] * 1001],
)  # fmt: skip
async def test_what_is_no_message_is_400_and_sends_nothing(ask: Ask, msqid: int, body):
    assert await ask.refused(f"POST /v1/msg/{msqid}/messages", body) == (400, None)
    assert (await ask.done(f"GET /v1/msg/{msqid}"))["msg_qnum"] == 0


async def test_a_list_goes_in_order_and_max_takes_many(ask: Ask, msqid: int):
    messages = [{"mtype": number, "text": f"m{number}"} for number in (3, 1, 2)]
    assert await ask(f"POST /v1/msg/{msqid}/messages", messages) == (200, {"sent": 3})
    status, got = await ask(f"POST /v1/msg/{msqid}/receive", {"max": 2})
    assert (status, [item["text"] for item in got["items"]], got["next"]) == (200, ["m3", "m1"], None)
    assert await ask.done(f"POST /v1/msg/{msqid}/receive", {"max": 1000}) == {
        "items": [{"mtype": 2, "data": "bTI=", "text": "m2"}],
        "next": None,
    }
    assert await ask.refused(f"POST /v1/msg/{msqid}/receive", {"max": 1}) == (409, "ENOMSG")


async def test_a_list_that_does_not_fit_says_how_many_went(ask: Ask, msqid: int):
    await ask.done(f"PATCH /v1/msg/{msqid}", {"msg_qbytes": 2})
    assert await ask.done(f"POST /v1/msg/{msqid}/messages", [{"mtype": 1, "text": "x"}] * 3) == {"sent": 2}
    assert await ask.refused(f"POST /v1/msg/{msqid}/messages", [{"mtype": 1, "text": "x"}]) == (409, "EAGAIN")


@pytest.mark.parametrize("most", [0, -1, 1001, "1", 1.5])
async def test_max_is_one_to_a_thousand(ask: Ask, msqid: int, most):
    assert await ask.refused(f"POST /v1/msg/{msqid}/receive", {"max": most}) == (400, None)


async def test_receiving_picks_by_type_size_and_flags(ask: Ask, msqid: int):
    messages = [{"mtype": mtype, "text": text} for mtype, text in ((5, "five"), (2, "two"), (9, "nine"))]
    await ask.done(f"POST /v1/msg/{msqid}/messages", messages)
    receive = f"POST /v1/msg/{msqid}/receive"
    assert await ask.refused(receive, {"msgsz": 1}) == (413, "E2BIG")
    assert (await ask.done(receive, {"msgtyp": -5}))["text"] == "two"
    assert (await ask.done(receive, {"msgtyp": 5, "flags": ["MSG_EXCEPT"]}))["text"] == "nine"
    assert (await ask.done(receive, {"msgsz": 1, "flags": "MSG_NOERROR"}))["text"] == "f"
    assert await ask.refused(receive, {"msgtyp": 1}) == (409, "ENOMSG")


@pytest.mark.parametrize("body", [{"msgtyp": "1"}, {"flags": ["MSG_NOPE"]}, {"mtype": 1}, {"wait": 61}, {"msgsz": 1.5}])
async def test_what_is_no_receive_is_400(ask: Ask, msqid: int, body):
    assert await ask.refused(f"POST /v1/msg/{msqid}/receive", body) == (400, None)


@pytest.mark.parametrize("word", ["x", "1.5", "0x1", "%20", "²", "1" * 40, "--1"])
async def test_what_is_no_msqid_is_400(ask: Ask, word: str):
    assert await ask.refused(f"GET /v1/msg/{word}") == (400, None)


async def test_the_kernel_judges_an_id_that_is_a_number(ask: Ask):
    assert await ask.refused("GET /v1/msg/-1") == (422, "EINVAL")
    assert await ask.refused("GET /v1/msg/1") == (422, "EINVAL")
