"""Faults of the wire: each is the peer that carries the server, with one thing different. They show over real connections only."""

import gzip
from dataclasses import replace

from conformance.reference.faults.declare import wire_fault
from conformance.reference.messages import Answer, Headers
from conformance.reference.wire import Gone, Head, Malformed, Peer


@wire_fault(breaks={"N-9112-01": "fail"})
class WireHostNotNeeded(Peer):
    """A request without Host is served."""

    def check_host(self, head: Head) -> None:
        if head.values("host"):
            super().check_host(head)


@wire_fault(breaks={"N-9112-01": "fail"})
class WireHostMissingIsNotFound(Peer):
    """A request without Host is answered with 404, as one of a site that is unknown."""

    def answer(self, head: Head, body: bytes) -> Answer:
        answer = super().answer(head, body)
        return answer if head.values("host") else Answer(404, self.server.reference.date())

    def check_host(self, head: Head) -> None:
        if head.values("host"):
            super().check_host(head)


@wire_fault(breaks={"N-9112-01": "fail"})
class WireTwoHostsTaken(Peer):
    """Of two Host fields one is ignored."""

    def check_host(self, head: Head) -> None:
        if not head.values("host"):
            super().check_host(head)


@wire_fault(breaks={"N-9112-02": "fail"})
class WireSpaceBeforeColonIgnored(Peer):
    """A field name with a space before its colon is taken for the name without."""

    def check_names(self, head: Head) -> None:
        """Nothing is checked."""

    def seen(self, fields: Headers) -> Headers:
        return super().seen(tuple((name.strip(), value) for name, value in fields))


@wire_fault(breaks={"N-9112-03": "fail"})
class WireChunkedIgnored(Peer):
    """A body in chunks is treated as empty."""

    def chunks(self) -> bytes:
        super().chunks()
        return b""


@wire_fault(breaks={"I-31": "fail"})
class WireExpectHangs(Peer):
    """A request with Expect: 100-continue is never answered."""

    def proceed(self) -> None:
        while self.rfile.read1(1 << 16):
            pass
        raise Gone


@wire_fault(breaks={"I-31": "fail"})
class WireExpectIsBadRequest(Peer):
    """A request with Expect: 100-continue is refused as malformed."""

    def proceed(self) -> None:
        raise Malformed("no expectations here")


@wire_fault(breaks={"I-32": "fail"})
class WireErrorsCloseUnannounced(Peer):
    """The connection is closed after each error, which the reply does not announce."""

    def replied(self, answer: Answer, *, content: bool, closes: bool) -> tuple[bytes, bool]:
        data, _ = super().replied(answer, content=content, closes=closes)
        return data, closes or answer.status >= 400


@wire_fault(breaks={"S-37": "fail"})
class WireRepliesMixedUp(Peer):
    """On a connection that the client asks to keep alive, every other request gets the reply to the one before it."""

    kept: Answer | None = None

    def answer(self, head: Head, body: bytes) -> Answer:
        before, answer = self.kept, super().answer(head, body)
        if not head.says("connection", "keep-alive"):
            return answer
        self.kept = answer if before is None else None
        return before or answer


@wire_fault(breaks={"I-34": "warn"})
class WireUpperCaseNamesUnknown(Peer):
    """Fields whose names are written in upper case are ignored."""

    def seen(self, fields: Headers) -> Headers:
        return super().seen(tuple((name, value) for name, value in fields if name != name.upper()))


@wire_fault(breaks={"I-34": "warn"})
class WireLowerCaseNamesUnknown(Peer):
    """Fields whose names are written in lower case are ignored."""

    def seen(self, fields: Headers) -> Headers:
        return super().seen(tuple((name, value) for name, value in fields if name != name.lower()))


@wire_fault(breaks={"I-35": "fail", "L-07": "warn"})
class WireFarewellCompressed(Peer):
    """The reply to a logout is compressed, although the client asks for identity."""

    def answer(self, head: Head, body: bytes) -> Answer:
        answer = super().answer(head, body)
        if answer.body != b"OK!":
            return answer
        return replace(answer, headers=(*answer.headers, ("content-encoding", "gzip")), body=gzip.compress(answer.body, mtime=0))


@wire_fault(breaks={"I-36": "fail", "L-07": "warn"})
class WireFarewellLengthShort(Peer):
    """The reply to a logout announces one byte less than it has."""

    def length(self, answer: Answer) -> Headers:
        return (("content-length", str(len(answer.body) - (answer.body == b"OK!"))),)


@wire_fault(breaks={"I-36": "fail"})
class WireResourceLengthShort(Peer):
    """The resource announces one byte less than it has, so that the last brace of its JSON is cut off."""

    def length(self, answer: Answer) -> Headers:
        return (("content-length", str(len(answer.body) - answer.body.startswith(b'{"subscriber"'))),)


@wire_fault(breaks={"I-36": "fail"})
class WireCloseLosesTheEnd(Peer):
    """When the connection is to be closed, the last byte of the reply is lost."""

    def replied(self, answer: Answer, *, content: bool, closes: bool) -> tuple[bytes, bool]:
        data, _ = super().replied(answer, content=content, closes=closes)
        return data[:-1] if closes and content else data, closes


@wire_fault(breaks={"I-36": "fail"})
class WireMoreAfterTheEnd(Peer):
    """Before the connection is closed, two more bytes are sent on their own."""

    def replied(self, answer: Answer, *, content: bool, closes: bool) -> tuple[bytes, bool]:
        data, _ = super().replied(answer, content=content, closes=closes)
        if closes and content:
            self.connection.sendall(data)
            return b"\r\n", True
        return data, closes


@wire_fault(breaks={"N-9110-10": "fail"})
class WireHeadWithContent(Peer):
    """The reply to a HEAD has content."""

    def replied(self, answer: Answer, *, content: bool, closes: bool) -> tuple[bytes, bool]:
        return super().replied(answer, content=True, closes=closes)
