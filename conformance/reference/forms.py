"""How parameters come in a request's body besides the urlencoded form: multipart and JSON."""

import json
from email.parser import BytesParser
from email.policy import HTTP


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
