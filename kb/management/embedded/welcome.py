"""What a person reads once the service is ready, at every start.

It decides the words and the order. It never makes people or keys: `load_starter` wrote them to
KB_HOME/starter.json, and whoever removes that file is no longer shown them. Called by `up`.
"""

from __future__ import annotations

import http.client
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kb.management.embedded.errors import CannotRunError

STARTER_FILE = "starter.json"
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  not bound here


@dataclass(frozen=True)
class Health:
    """Whether the service is ready, whether it answered at all, and what it said."""

    ready: bool
    answered: bool
    words: str


def ask_health(host: str, port: int, public_url: str) -> Health:
    """Ask /health/ready as a visitor of `public_url` would, past a proxy that isn't there yet."""
    public = urlsplit(public_url)
    headers = {"Host": public.netloc, "X-Forwarded-Proto": public.scheme}
    connection = http.client.HTTPConnection(_ANY_ADDRESS.get(host, host), port, timeout=5)
    try:
        connection.request("GET", "/health/ready", headers=headers)
        answer = connection.getresponse()
        words = f"{answer.status} {answer.read(500).decode('utf-8', 'replace')}"
        return Health(ready=answer.status == 200, answered=True, words=words)
    except (OSError, http.client.HTTPException) as error:
        return Health(ready=False, answered=False, words=f"the web server is silent ({error})")
    finally:
        connection.close()


def welcome(*, home: Path, address: str) -> str:
    """Return the address, and from starter.json the logins, a client key and a first question.

    Raises CannotRunError when the file is there and can't be read.
    """
    lines = ["", f"Touchstone is ready: {address}"]
    path = home / STARTER_FILE
    try:
        starter = json.loads(path.read_text(encoding="utf-8"))
        lines += _starter_lines(starter, address, path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRunError(f"{path} can't be read ({error!r}): remove it.") from error
    return "\n".join([*lines, "", "Ctrl-C stops everything."])


def _starter_lines(starter: dict[str, Any], address: str, path: Path) -> list[str]:
    lines = []
    if people := starter.get("people"):
        width = max(len(person["name"]) for person in people)
        lines += ["", "People to sign in as (name, password, role):", ""]
        for person in people:
            lines.append(f"  {person['name']:<{width}}  {person['password']}  {person['role']}")
    if key := starter.get("client_key"):
        lines += ["", f"A client's key: {key}"]
    if curl := starter.get("curl"):
        # The address may have changed since the file was written.
        curl = re.sub(r"https?://[^/\s'\"]+(?=/)", lambda _found: address, " ".join(curl.split()))
        lines += ["", "A first question, to paste into another terminal:", "", f"  {curl}"]
    return [*lines, "", f"(Kept in {path}; remove it and this is printed no more.)"]
