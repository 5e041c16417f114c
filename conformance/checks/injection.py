"""What a reply makes of markup and line breaks in the request."""

import re
from collections.abc import Iterator

from conformance import expect, strictjson
from conformance.api import MADE_UP_SECRET, Api, Conversation, basic
from conformance.checks.carriers import BROWSER
from conformance.errors import Violation
from conformance.model import Exchange, Request, Severity
from conformance.registry import Differs, check
from conformance.scripts import bad_header, error, invalid_token, unauthorized

SUBJECT = "token"
MARK = "<harness>"
MARKUP = f'harness"\\{MARK}'
"""A value that breaks out of a text of JSON, and that is an element of HTML, unless it is escaped."""

INJECTED = "X-Harness-Injected"
BROKEN_LINE = f"harness\r\n{INJECTED}: 1"


def _with_markup(api: Api) -> Iterator[Request]:
    """Requests whose refusals servers like to illustrate with what was sent."""
    yield api.login(authorization=basic((MARKUP,), (MADE_UP_SECRET,)))
    yield api.login(change={"user.username": MARKUP, "user.password": MADE_UP_SECRET})
    yield api.login(change={"grant": MARKUP})
    yield api.logout((f"Bearer {MARKUP}",))


@check(
    "markup-not-repeated",
    clause="S-32",
    severity=Severity.MEDIUM,
    right=[unauthorized(1), error(20), error(2), invalid_token()],
    wrong=[
        Differs(0, "body", '{"code": 1, "message": "Invalid client id: harness"\\\\<harness>"}'),
        Differs(1, "body", '{"code": 20, "message": "No such user: harness\\"\\<harness>"}'),
    ],
)
def markup_not_repeated(api: Api) -> Conversation[None]:
    """No reply repeats what was sent so that it breaks the JSON, or as markup that a browser would take for its own."""
    for request in _with_markup(api):
        _escaped((yield from api.send(request)))


def _escaped(exchange: Exchange) -> None:
    reply = expect.answered(exchange)
    media = (reply.header("Content-Type") or "").lower()
    if "json" in media and "harness" in reply.body:
        try:
            strictjson.parse(reply)
        except strictjson.NotJson as problem:
            raise Violation("a JSON text in which what was sent is escaped", f"body is none: {problem}") from None
    elif MARK in reply.body and (not media or re.search("html|xml", media)):
        raise Violation("what was sent escaped, or not repeated", f"body with {MARK} as {media or 'no media type'}")


@check(
    "line-break-adds-no-header",
    clause="S-33",
    severity=Severity.HIGH,
    right=[error(20), error(2), bad_header()],
    wrong=[Differs(place, f"header:{INJECTED}", "1") for place in range(3)],
)
def line_break_adds_no_header(api: Api) -> Conversation[None]:
    """A line break in a parameter adds no header to the reply."""
    for request in (
        api.login(change={"user.username": BROKEN_LINE, "user.password": MADE_UP_SECRET}),
        api.login(change={"grant": BROKEN_LINE}),
        api.logout(None, query=(*BROWSER[:2], (("state",), (BROKEN_LINE,)))),
    ):
        exchange = yield from api.send(request)
        if expect.answered(exchange).header(INJECTED) is not None:
            raise Violation("no header that the request spelled", f"header {INJECTED} is there")
