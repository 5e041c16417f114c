"""How parameters come in a request's body: urlencoded, and where the server takes them as multipart or JSON."""

import json
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl


def pairs_of(media: str, body: bytes, taken: str) -> list[tuple[str, str]]:
    """The parameters of a body; `taken` is the reading of `request.media-type`."""
    if media.lower().startswith("application/x-www-form-urlencoded") or (taken == "any" and not media):
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    if media.startswith("multipart/form-data") and taken in ("multipart", "any"):
        return multipart_pairs(media, body)
    return json_pairs(body) if taken == "any" else []


def multipart_pairs(media: str, body: bytes) -> list[tuple[str, str]]:
    """The fields of a multipart/form-data body (RFC 7578)."""
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {media}\r\n\r\n".encode("latin-1", "replace") + body)
    pairs = []
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            pairs.append((name, payload.decode("utf-8", "replace")))
    return pairs


def json_pairs(body: bytes) -> list[tuple[str, str]]:
    """The string members of a JSON object; nothing for any other body."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return []
    return [(name, item) for name, item in value.items() if isinstance(item, str)] if isinstance(value, dict) else []
