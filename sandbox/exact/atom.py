"""What a client gets that does not ask for JSON: a plain Atom feed of the same records."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape

from flask import Response

_NAMES = (
    'xmlns="http://www.w3.org/2005/Atom" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices" '
    'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
)


def convert(answer: Response) -> Response:
    body = json.loads(answer.get_data())["d"]
    if isinstance(body, dict) and "results" not in body:
        return _xml(_entry(body, f" {_NAMES}"), answer.status_code, "entry")
    records = body["results"] if isinstance(body, dict) else body
    following = body.get("__next") if isinstance(body, dict) else None
    link = f'<link rel="next" href="{_attribute(following)}"/>' if following else ""
    entries = "".join(_entry(record, "") for record in records)
    return _xml(f"<feed {_NAMES}>{entries}{link}</feed>", answer.status_code, "feed")


def refusal(text: str, status: int) -> Response:
    body = (
        '<error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><code/>'
        f'<message xml:lang="">{escape(text)}</message></error>'
    )
    return Response(
        f'<?xml version="1.0" encoding="utf-8"?>{body}', status, content_type="application/xml; charset=utf-8"
    )


def _entry(record: dict[str, Any], names: str) -> str:
    meta = record["__metadata"]
    fields = "".join(_property(name, value) for name, value in record.items() if not isinstance(value, dict))
    return (
        f'<entry{names}><id>{escape(meta["uri"])}</id><category term="{_attribute(meta["type"])}"/>'
        f'<content type="application/xml"><m:properties>{fields}</m:properties></content></entry>'
    )


def _property(name: str, value: Any) -> str:
    if value is None:
        return f'<d:{name} m:null="true"/>'
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<d:{name}>{escape(text)}</d:{name}>"


def _attribute(text: str) -> str:
    return escape(text, {'"': "&quot;"})


def _xml(body: str, status: int, kind: str) -> Response:
    return Response(
        f'<?xml version="1.0" encoding="utf-8"?>{body}',
        status,
        content_type=f"application/atom+xml;type={kind};charset=utf-8",
    )
