"""What only shows on the wire: how HTTP/1.1 itself is read and written, and whether a connection can be used again.

Where no connection leads to the server itself these claims do not apply: checks ask for one, rules see replies that came over one.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from conformance import expect
from conformance.api import Api, Conversation, Send, bearer, describe
from conformance.errors import Inconclusive, NotApplicable, Violation
from conformance.model import Exchange, Reply, Request, Severity
from conformance.oracle import plain_http
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import LOGIN, LOGOUT_BARE, NOT_ALLOWED, OK, bad_header, line, logout, token

SUBJECT = "wire"

NO_HTTP = Reply(400, (("Content-Type", "text/plain"), ("Connection", "close")), "bad request")
GRANTED = Differs(0, "status", 200)


def changed(request: Request, *headers: tuple[str, str], **parts: Any) -> Request:
    """A request with further fields, on a connection of its own, for a server may close it afterwards."""
    fields = (*request.headers, *((name, (value,)) for name, value in headers))
    return msgspec.structs.replace(request, headers=fields, fresh=True, **parts)


def over(reply: Reply, connection: int, *, kept: bool = True) -> Reply:
    """A reply of a script that came over a connection, with its length announced."""
    announced = (*reply.headers, ("Content-Length", str(len(reply.body))))
    return msgspec.structs.replace(reply, headers=announced, connection=connection, kept=kept)


def _speaks_http_1_1(exchange: Exchange) -> None:
    """Raise NotApplicable for an older server, which RFC 9112 does not bind."""
    if expect.answered(exchange).version != "1.1":
        raise NotApplicable("a server that speaks HTTP/1.1", f"its replies are HTTP/{expect.answered(exchange).version}")


def _refused_with_400(name: str, clause: str, title: str, *headers: tuple[str, str], without: tuple[str, ...] = ()) -> None:
    @check(
        name,
        clause=clause,
        severity=Severity.MEDIUM,
        title=title,
        right=[NO_HTTP],
        wrong=[GRANTED, Differs(0, "status", 401), Differs(0, "status", 500)],
    )
    def malformed_request_is_refused(api: Api) -> Conversation[None]:
        api.requires_wire()
        exchange = yield from api.send(changed(api.login(), *headers, without=without))
        _speaks_http_1_1(exchange)
        expect.status(exchange, 400)


_refused_with_400("wire-host-missing", "N-9112-01", "A request without a Host field is answered with 400.", without=("Host",))
_refused_with_400("wire-host-twice", "N-9112-01", "A request with two Host fields is answered with 400.", ("Host", "harness.invalid"))


@check(
    "wire-space-before-colon",
    clause="N-9112-02",
    severity=Severity.MEDIUM,
    right=[token(), NO_HTTP],
    wrong=[Differs(1, "status", 200), Differs(1, "status", 401), Differs(1, "status", 500)],
)
def wire_space_before_colon(api: Api) -> Conversation[None]:
    """A field name with a space before its colon is answered with 400, and not ignored."""
    api.requires_wire()
    # It stands last in a request without a body, so that a server that reads no further has all else.
    token_ = yield from api.good_token()
    exchange = yield from api.send(changed(api.logout(bearer(token_)), ("X-Harness ", "1")))
    _speaks_http_1_1(exchange)
    expect.status(exchange, 400)


@check("wire-chunked-body", clause="N-9112-03", severity=Severity.MEDIUM, right=[token()], wrong=[Differs(0, "status", 400)])
def wire_chunked_body(api: Api) -> Conversation[None]:
    """A body that is sent in chunks is read."""
    api.requires_wire()
    exchange = yield from api.send(changed(api.login(), ("Transfer-Encoding", "chunked")))
    _speaks_http_1_1(exchange)
    if expect.answered(exchange).status == LENGTH_REQUIRED:
        raise NotApplicable("a body of which the length is not announced", f"{describe(exchange)}, which RFC 9112 section 6.3 allows")
    if not accepts(exchange):
        raise Violation("a token", describe(exchange))


LENGTH_REQUIRED = 411
EXPECTATION_FAILED = 417
"""The answer of a chain that knows no expectations, after which the client repeats the request without (RFC 9110 section 10.1.1)."""


@check(
    "wire-expect-continue",
    clause="I-31",
    severity=Severity.MEDIUM,
    right=[token()],
    wrong=[Differs(0, "status", 400), Differs(0, "status", 500)],
)
def wire_expect_continue(api: Api) -> Conversation[None]:
    """A request that asks by Expect: 100-continue whether to send its body is answered."""
    api.requires_wire()
    for _ in range(2):  # one answer may have been lost on the way
        exchange: Exchange = yield Send(changed(api.login(), ("Expect", "100-continue")))
        if exchange.reply is not None:
            break
    if not accepts(exchange) and expect.answered(exchange).status != EXPECTATION_FAILED:
        raise Violation("a token, or status 417", describe(exchange))


def _names(case: str, spelled: str) -> None:
    @check(
        f"wire-field-names[{case}]",
        clause="I-34",
        severity=Severity.LOW,
        title=f"The names of header fields are understood when they are written in {case} case.",
        right=[token()],
        wrong=[Differs(0, "status", 401)],
    )
    def any_case_is_understood(api: Api) -> Conversation[None]:
        api.requires_wire()
        login = api.login()
        fields = tuple((str(getattr(name, spelled)()), value) for name, value in login.headers)
        exchange = yield from api.send(msgspec.structs.replace(login, headers=fields))
        if not accepts(exchange):
            raise Violation("a token", describe(exchange))


_names("upper", "upper")
_names("lower", "lower")


@check(
    "wire-replies-in-turn",
    clause="S-37",
    severity=Severity.CRITICAL,
    right=[over(token(), 1), over(bad_header(), 1), over(token("token#2"), 1)],
    wrong=[
        Differs(1, "json:access_token", "{token#1}"),
        Differs(1, "status", 200),
        Differs(2, "json:access_token", "{token#1}"),
        Differs(2, "status", 401),
    ],
)
def wire_replies_in_turn(api: Api) -> Conversation[None]:
    """On a connection that is kept alive each reply is the one to its own request, and not to one before."""
    api.requires_wire()
    replies = []
    for request in (api.login(), api.logout(None), api.login()):
        asking = msgspec.structs.replace(request, headers=(*request.headers, ("Connection", ("keep-alive",))))
        exchange = yield from api.send(asking)
        replies.append(exchange)
    first, refusal, second = replies
    if len({expect.answered(exchange).connection for exchange in replies}) > 1:
        raise NotApplicable("a connection that is used again", "the server does not keep connections open")
    if accepts(refusal) or expect.answered(refusal).minted:
        raise Violation("a refusal of the second request", f"status {expect.answered(refusal).status}{_with_token(refusal)}")
    if not accepts(first) or not accepts(second):
        raise Violation("a token for each login", describe(second if accepts(first) else first))
    same = api.token_of(first) == api.token_of(second)
    if same and api.profile.reading("issue.policy") != "same":
        raise Violation("another token for the second login", "access_token is that of the first login")


def _with_token(exchange: Exchange) -> str:
    return f" with the access_token {exchange.reply.minted[0].slot}" if exchange.reply and exchange.reply.minted else ""


def _leaves_open(exchange: Exchange, api: Api) -> bool:
    """A reply over a connection that the client would go on with if it could."""
    return exchange.reply is not None and exchange.reply.connection > 0 and not exchange.request.fresh


@rule(
    "wire-connection-after-error",
    clause="I-32",
    severity=Severity.MEDIUM,
    over="run",
    when=_leaves_open,
    right=[
        line(LOGIN, over(token(), 1)),
        line(LOGOUT_BARE, over(bad_header(), 1)),
        line(LOGIN, over(token(), 2)),
        line(LOGOUT_BARE, over(bad_header(), 2)),
        line(LOGIN, over(token(), 2)),
    ],
    wrong=[Differs(4, "connection", 3)],
)
def wire_connection_after_error(exchanges: Sequence[Exchange], api: Api) -> Sequence[Exchange]:
    """After an error the connection can be used again, or the reply announces that it is closed."""
    # A connection may close at any time: a status counts only if every connection ended with it, and some other reply's did not.
    last = {expect.answered(exchange).connection: exchange.id for exchange in exchanges}
    before_last = [(exchange, expect.answered(exchange)) for exchange in exchanges[:-1]]
    used = {exchange.id for exchange, reply in before_last if reply.kept and last[reply.connection] > exchange.id}
    errors = [(exchange, reply) for exchange, reply in before_last if reply.status >= 400]
    for status in sorted({reply.status for _, reply in errors}) if used else ():
        group = [exchange for exchange, reply in errors if reply.kept and reply.status == status]
        if len(group) > 1 and not used & {exchange.id for exchange in group}:
            raise Violation(
                "a connection that can be used again, or Connection: close",
                f"the connection was closed unannounced after each of {len(group)} replies with status {status}",
                group,
            )
    return tuple(exchange for exchange, reply in errors if exchange.id in used or _announces_the_end(reply))


def _announces_the_end(reply: Reply) -> bool:
    return "close" in (reply.header("Connection") or "").lower()


@rule(
    "wire-not-compressed",
    clause="I-35",
    severity=Severity.MEDIUM,
    control=True,
    when=lambda exchange, api: exchange.reply is not None and not exchange.request.without,
    right=[line(logout(), OK)],
    wrong=[Differs(0, "header:Content-Encoding", "gzip")],
)
def wire_not_compressed(exchange: Exchange, api: Api) -> None:
    """A reply to a request that asks for identity is not compressed."""
    coding = expect.answered(exchange).header("Content-Encoding") or "identity"
    if coding.lower() != "identity":
        raise Violation("no Content-Encoding", f"header Content-Encoding is {coding!r}")


def _ends_as_announced(exchange: Exchange, api: Api) -> bool:
    """A reply with a body of which the end is announced, by its length or by its last chunk.

    Not so where the server may have left a part of the request unread, for it would answer that as another request.
    """
    request, reply = exchange.request, exchange.reply
    if reply is None or reply.connection == 0 or request.method == "HEAD" or reply.status in (204, 304):
        return False
    if not plain_http(request) or (request.method != "POST" and (request.form is not None or request.body is not None)):
        return False
    return reply.header("Content-Length") is not None or reply.header("Transfer-Encoding") is not None


@rule(
    "wire-length",
    clause="I-36",
    severity=Severity.HIGH,
    control=True,
    when=_ends_as_announced,
    right=[line(LOGIN, over(token(), 1))],
    wrong=[Differs(0, "surplus", 1)],
)
def wire_length(exchange: Exchange, api: Api) -> None:
    """A reply is no longer than its Content-Length says."""
    _nothing_behind(exchange)


def _nothing_behind(exchange: Exchange) -> None:
    surplus = expect.answered(exchange).surplus
    if surplus:
        raise Violation("nothing behind the end of the reply", f"a surplus of {surplus} bytes")


@check("wire-length-to-the-end", clause="I-36", severity=Severity.HIGH, right=[over(token(), 1)], wrong=[Differs(0, "surplus", 2)])
def wire_length_to_the_end(api: Api) -> Conversation[None]:
    """A reply that is read until its connection closes has the length that it announces: not a byte less or more."""
    api.requires_wire()
    exchange: Exchange = yield Send(changed(api.login(), ("Connection", "close")))
    if exchange.failure is not None and exchange.failure.startswith("cut-short"):
        raise Violation("a reply of the announced length", describe(exchange))
    if exchange.reply is None:
        raise Inconclusive("an answer", describe(exchange))
    _nothing_behind(exchange)


@check(
    "wire-head-without-content",
    clause="N-9110-10",
    severity=Severity.MEDIUM,
    right=[over(NOT_ALLOWED, 1)],
    wrong=[Differs(0, "surplus", 18)],
)
def wire_head_without_content(api: Api) -> Conversation[None]:
    """The reply to a HEAD ends with its header: no content follows."""
    api.requires_wire()
    exchange = yield from api.send(changed(api.logout(None, method="HEAD"), ("Connection", "close")))
    _nothing_behind(exchange)
