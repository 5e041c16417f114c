"""The driver: the only place that renders slots, sends, names tokens, redacts and keeps time. Conversations run here."""

import base64
import re
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote_plus, urlsplit

import msgspec

from conformance import edits, strictjson
from conformance.api import Effect, Send, Sleep, Together
from conformance.contract import Contract
from conformance.errors import NotObservable
from conformance.ledger import Ledger
from conformance.model import Exchange, Minted, Reply, Request
from conformance.redact import PAIR, Redactor, distinctive, suspects
from conformance.risk import Budgets
from conformance.target import Target
from conformance.transport import RawReply, Transport, TransportFailure, Wire

T = TypeVar("T")


class Clock(Protocol):
    """Seconds, monotonic."""

    def now(self) -> float:
        """The time."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class RealClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class VirtualClock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self._now = 1_000_000.0

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


class Ended(msgspec.Struct, Generic[T]):
    """A conversation that has come to its end, with its value."""

    value: T


class Driver:
    """Plays conversations against one target and reports each exchange, redacted, to `on_exchange`."""

    def __init__(
        self,
        target: Target,
        contract: Contract,
        transport: Transport,
        clock: Clock,
        *,
        redactor: Redactor | None = None,
        ledger: Ledger | None = None,
        on_exchange: Callable[[Exchange], None] = lambda exchange: None,
    ) -> None:
        self.target, self.contract = target, contract
        self.redactor = redactor or Redactor()
        self._transport, self._clock, self._on_exchange = transport, clock, on_exchange
        self._slots = target.slots()
        resource = target.fixtures.resource
        self._paths = {name: operation.path for name, operation in contract.operations.items()}
        self._paths |= {name: path for name, path in (("token", target.paths.token), ("logout", target.paths.logout)) if path}
        self._paths["resource"] = resource.path if resource else "/"
        self._public = self._slots.keys() - target.secrets().keys()
        self.redactor.publish(self.known())
        self._static = Redactor()
        for name, value in target.secrets().items():
            self.redactor.add(name, value)
            if distinctive(value):
                self._static.add(name, value)
        pair = f"{target.client.id}:{target.client.secret}"
        self.redactor.add(PAIR, pair)
        self._names: dict[tuple[str, str], str] = {}
        self._static_slots = {name: value for name, value in self._slots.items() if len(value) > 3}
        self._patterns = _token_patterns(contract)
        self._suspects: set[str] = set()
        self._began = clock.now()
        self._next = float("-inf")
        self._budgets = Budgets(target.risk, contract, ledger)
        self._lock = Lock()

    def secrets(self) -> dict[str, str]:
        """Name → value of everything that may reach no artefact: what the target file holds, and every token of this run."""
        return self.target.secrets() | {slot: value for (_, value), slot in self._names.items()}

    def known(self) -> tuple[str, ...]:
        """What the target file holds besides: ids, names, addresses; parts of them may stand in a secret and give nothing away."""
        return (self.target.base_url, *(self._slots[name] for name in sorted(self._public)))

    @property
    def wire(self) -> bool:
        """Whether requests go over connections to the server itself."""
        return self._transport.wire

    def now(self) -> float:
        """Seconds since the run began."""
        return self._clock.now() - self._began

    def play(self, conversation: Generator[Effect, Any, T], by: str) -> T:
        """Run a conversation to its end and return its value; a Verdict it raises passes through."""
        while not isinstance(pause := self.advance(conversation, by), Ended):
            self.sleep(pause.seconds)
        return pause.value

    def advance(self, conversation: Generator[Effect, Any, T], by: str) -> "Sleep | Ended[T]":
        """Run a conversation until it wants to sleep, which is left to the caller, or has come to its end."""
        try:
            effect = next(conversation)
            while not (isinstance(effect, Sleep) and effect.seconds > 0 and not effect.punctual):
                effect = conversation.send(self._perform(effect, by))
        except StopIteration as end:
            return Ended(end.value)
        return effect

    def sleep(self, seconds: float) -> None:
        """Wait on the clock."""
        self._clock.sleep(seconds)

    def _perform(self, effect: Effect, by: str) -> Exchange | tuple[Exchange, ...] | None:
        if isinstance(effect, Send):
            return next(iter(self._together((effect.request,), 1, by)))
        if isinstance(effect, Together):
            requests = tuple(msgspec.structs.replace(request, fresh=True) for request in effect.requests)
            return self._together(requests, (effect.at_once or len(requests)) if self._transport.concurrent else 1, by)
        self._clock.sleep(effect.seconds)
        return None

    def _together(self, requests: Sequence[Request], at_once: int, by: str) -> tuple[Exchange, ...]:
        """Send the requests, so many at a time; they are rendered and numbered before the first is sent."""
        wires = [self._render(request) for request in requests]
        numbers = self._admit(requests)
        if at_once < 2:
            return tuple(map(self._deliver, numbers, requests, wires, [by] * len(requests)))
        start = Barrier(min(at_once, len(requests)))

        def deliver(place: int) -> Exchange:
            if place < start.parties:
                start.wait()
            return self._deliver(numbers[place], requests[place], wires[place], by)

        with ThreadPoolExecutor(at_once) as pool:
            return tuple(pool.map(deliver, range(len(requests))))

    def _admit(self, requests: Sequence[Request]) -> list[int]:
        """A number for each request; those that go together wait for the interval once, and make the next one wait the longer."""
        interval = self.target.risk.min_interval_ms / 1000
        numbers = []
        for request in requests:
            self._budgets.spend(request)
            numbers.append(self._budgets.requests)
        wait = self._next - self._clock.now()
        if wait > 0:
            self._clock.sleep(wait)
        self._next = self._clock.now() + len(requests) * interval
        return numbers

    def _deliver(self, number: int, request: Request, prepared: tuple[Wire, dict[str, str]], by: str) -> Exchange:
        wire, rendered = prepared
        sent = self.now()
        try:
            raw: RawReply | None = self._transport.exchange(wire, fresh=request.fresh or _may_desynchronise(wire))
            failure: str | None = None
        except TransportFailure as problem:
            raw, failure = None, str(problem)
        received = self.now()
        with self._lock:
            failure = self.redactor.clean(failure) if failure is not None else None
            reply = self._record(raw, rendered) if raw is not None else None
            exchange = Exchange(number, by, request, round(sent, 6), round(received, 6), reply, failure)
            self._on_exchange(exchange)
        return exchange

    def _render(self, request: Request) -> tuple[Wire, dict[str, str]]:
        """The request as it is written, and every altered secret in it by name."""
        rendered: dict[str, str] = {}

        def text(value: Any) -> str:
            for name, edit in edits.derived(value):
                if edit.op not in edits.ENCODINGS:
                    altered = edits.render((edit,), self._slots.__getitem__)
                    if not edits.slots((edit,)) <= self._public:
                        rendered[name] = altered
                    if altered == edits.render(edit.of, self._slots.__getitem__):
                        raise NotObservable(f"{name} is the same value again", "use other credentials in the test account")
            return edits.render(value, self._slots.__getitem__)

        def pairs(items: Any) -> str:
            return "&".join(f"{parameter(name)}={parameter(value)}" for name, value in items)

        def parameter(value: Any) -> str:
            return text(value) if edits.spelled(value) else quote_plus(text(value))

        target = self.target
        path = urlsplit(target.base_url).path.rstrip("/") + (request.path or self._paths[request.operation])
        if request.query:
            path += ("&" if "?" in path else "?") + pairs(request.query)
        body = pairs(request.form) if request.form is not None else text(request.body or ())
        headers = [("Host", urlsplit(target.base_url).netloc), ("Accept-Encoding", "identity"), *target.headers.items()]
        headers = [(name, value) for name, value in headers if name not in request.without]
        headers += [(name, text(value).encode().decode("latin-1")) for name, value in request.headers]
        octets = body.encode("utf-8", "surrogateescape")
        if any(name.lower() == "transfer-encoding" for name, _ in headers):
            octets = _in_chunks(octets)
        elif request.form is not None or request.body is not None:
            headers.append(("Content-Length", str(len(octets))))
        return Wire(request.method, path, tuple(headers), octets), rendered

    def _record(self, raw: RawReply, rendered: dict[str, str]) -> Reply:
        """The reply with its tokens named, and with the names of the secrets that it repeats."""
        try:
            body, encoding = raw.body.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            body, encoding = raw.body.decode("latin-1"), "latin-1"
        plain = Reply(raw.status, raw.headers, body, "utf-8" if encoding == "utf-8" else "latin-1", raw.reason)
        plain = msgspec.structs.replace(plain, connection=raw.connection, kept=raw.kept, surplus=raw.surplus, version=raw.version)
        body, minted = self._name_tokens(plain)
        for name, value in rendered.items():
            self.redactor.add(name, value)
            if distinctive(value):
                self._static.add(name, value)
        everything = "\n".join([body, *(f"{name}: {value}" for name, value in raw.headers)])
        for value in suspects(everything, self._patterns):
            if value not in self._suspects:
                self._suspects.add(value)
                self.redactor.add(f"unnamed#{len(self._suspects)}", value)
        echoes = self._static.found_in(everything)
        repeated = [(value, slot) for (_, value), slot in self._names.items() if len(value) >= 8 and value in everything]
        headers = tuple((name, _named(value, repeated)) for name, value in raw.headers)
        return msgspec.structs.replace(plain, headers=headers, body=_named(body, repeated), minted=minted, echoes=echoes)

    def _name_tokens(self, reply: Reply) -> tuple[str, tuple[Minted, ...]]:
        """Give each token that the contract's reply schema places in a slot a name of its own, the same for the same value."""
        body, minted = reply.body, []
        found = strictjson.members(reply)
        for member, (kind, pattern) in self._patterns.items():
            value = found.get(member)
            if not isinstance(value, str) or not value:
                continue
            slot = self._names.get((kind, value))
            if slot is None:
                slot = f"{kind}#{1 + sum(1 for known, _ in self._names if known == kind)}"
                self._names[kind, value] = slot
                self._slots[slot] = value
                self.redactor.add(slot, value)
                if distinctive(value):
                    self._static.add(slot, value)
            said = _decoded(value)
            minted.append(
                Minted(
                    slot,
                    "token" if kind == "token" else "refresh",
                    len(value),
                    bool(pattern.search(value)),
                    _alphabet(value),
                    next((name for (other, known), name in self._names.items() if known == value and other != kind), ""),
                    _distinct(value, [known for other, known in self._names if other == kind and known != value][-COMPARED:]),
                    tuple(sorted(name for name, known in self._static_slots.items() if known in said)),
                )
            )
            body = _with_member(body, member, f"{{{slot}}}")
        return body, tuple(minted)

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()


def _named(text: str, names: Sequence[tuple[str, str]]) -> str:
    """The text with these values replaced by the names of their slots."""
    for value, slot in names:
        text = text.replace(value, f"{{{slot}}}")
    return text


def _in_chunks(octets: bytes) -> bytes:
    """A body in the chunked coding (RFC 9112 section 7.1): two chunks and the last one, of no length."""
    half = len(octets) // 2
    chunks = [chunk for chunk in (octets[:half], octets[half:]) if chunk]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def _may_desynchronise(wire: Wire) -> bool:
    """Whether a server may leave the body unread and take it for the next request: then the connection is not used again."""
    return bool(wire.body) and wire.method != "POST"


COMPARED = 30
"""With how many earlier tokens a new one is compared."""


def _distinct(value: str, earlier: Sequence[str]) -> int:
    """The characters of a token that neither the beginning nor the end of the most similar earlier token accounts for."""
    shared = [_alike(value, old) + _alike(value[::-1], old[::-1]) for old in earlier]
    return max(0, len(value) - max(shared, default=0))


def _alike(left: str, right: str) -> int:
    """How many characters two texts share at their beginning."""
    return next((at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def _decoded(value: str) -> str:
    """What a token says in Base64, if it says anything."""
    try:
        padded = value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)
        return base64.b64decode(padded, altchars=b"-_").decode("latin-1")
    except ValueError:
        return ""


def _alphabet(value: str) -> str:
    """What a token is written in: word (letters and digits), base64url, or other."""
    if value.isascii() and value.isalnum():
        return "word"
    return "base64url" if re.fullmatch(r"[A-Za-z0-9_-]+=*", value) else "other"


def _token_patterns(contract: Contract) -> dict[str, tuple[str, re.Pattern[str]]]:
    """Member of the token reply → the kind of token it holds and the pattern of the contract for it."""
    reply = contract.operations["token"].reply.schema
    return {
        name: (schema["x-slot"], re.compile(schema.get("pattern", "")))
        for name, schema in reply.get("properties", {}).items()
        if "x-slot" in schema
    }


def _with_member(body: str, member: str, value: str) -> str:
    """A JSON text in which the first string under this member's name is another."""
    pattern = rf'("{re.escape(member)}"\s*:\s*)"(?:[^"\\]|\\.)*"'
    return re.sub(pattern, lambda match: f'{match[1]}"{value}"', body, count=1)
