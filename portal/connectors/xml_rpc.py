"""XML-RPC bodies, made and read by the standard library, with everything dangerous refused."""

from __future__ import annotations

import json
import xmlrpc.client
from typing import Any
from xml.parsers import expat

from portal.connectors.calls import encode
from portal.connectors.values import figure

Fault = xmlrpc.client.Fault
_NOTHING = "cannot marshal None"


def _end_figure(values: xmlrpc.client.Unmarshaller, told: str) -> None:
    values.append(figure(told))
    values._value = False  # as the library's own do: what follows is no part of this value


class _Values(xmlrpc.client.Unmarshaller):
    """Doubles become Decimal, with the digits that were sent."""

    dispatch = xmlrpc.client.Unmarshaller.dispatch | dict.fromkeys(("double", "bigdecimal"), _end_figure)


def marshalled(method: str, parameters: tuple[Any, ...]) -> bytes:
    """A call. A Decimal becomes a double of the same digits; ValueError where a double cannot hold it."""
    plain = tuple(json.loads(encode(list(parameters))))
    return xmlrpc.client.dumps(plain, methodname=method, encoding="utf-8").encode()


def unmarshalled(body: bytes) -> Any:
    """The value of an answer. Raises Fault, and ValueError (or a LookupError, TypeError) for what is no answer.

    A method that returns nothing is answered by a fault after its work is done: that is None. A document
    type is refused, and so are the entities that it would bring.
    """
    values = _Values(use_builtin_types=True)
    values.xml("", None)  # expat has decoded what it hands on
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = values.start
    parser.EndElementHandler = values.end
    parser.CharacterDataHandler = values.data
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(body, True)
        (value,) = values.close()
    except (expat.ExpatError, xmlrpc.client.ResponseError) as unreadable:
        raise ValueError(str(unreadable)) from None
    except Fault as fault:
        if _NOTHING in fault.faultString:
            return None
        raise
    return value


def _refuse(*told: object) -> None:
    raise ValueError("a document type")
