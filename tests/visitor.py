"""A person at the pages, without JavaScript: opens, fills in a form, presses a button.

Only what the page offers can be filled in or pressed, so a story told with it proves that a person
could do the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client


@dataclass
class Form:
    """A form as the page shows it: where it goes, what is filled in, which buttons it has."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self._link: str | None = None
        self._text: str | None = None
        self._select: str | None = None
        self._button: tuple[str, str] | None = None
        self._words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self._link, self._words = given.get("href", ""), ""
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower()))
        if not self.forms:
            return
        values, name = self.forms[-1].values, given.get("name", "")
        if tag == "input" and name:
            ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if given.get("type") == "submit":
                self.forms[-1].buttons.append(
                    (name, given.get("value", ""), given.get("value", ""))
                )
            elif ticked:
                values[name] = given.get("value", "")
        elif tag == "textarea":
            self._text, self._words = name, ""
        elif tag == "select":
            self._select = name
        elif (
            tag == "option" and self._select and ("selected" in given or self._select not in values)
        ):
            values[self._select] = given.get("value", "")
        elif tag == "button":
            self._button, self._words = (name, given.get("value", "")), ""

    def handle_data(self, data: str) -> None:
        self._words += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link is not None:
            self.links.append((self._link, " ".join(self._words.split())))
            self._link = None
        elif tag == "textarea" and self._text is not None:
            self.forms[-1].values[self._text] = self._words.removeprefix("\n")
            self._text = None
        elif tag == "select":
            self._select = None
        elif tag == "button" and self._button is not None and self.forms:
            self.forms[-1].buttons.append((*self._button, " ".join(self._words.split())))
            self._button = None


class Visitor:
    """One person's browser."""

    def __init__(self, name: str, password: str) -> None:
        self.client = Client()
        self.open("/sign-in/")
        self.fill(name=name, password=password)
        self.press("Sign in")

    def open(self, path: str) -> str:
        """Open an address and return the page."""
        return self._show(self.client.get(path, follow=True))

    def _show(self, response: Any) -> str:
        self.status = response.status_code
        self.path = response.request["PATH_INFO"]
        self.page: str = response.content.decode()
        reader = _Forms()
        reader.feed(self.page)
        self.forms, self.links = reader.forms, reader.links
        self._filled: dict[str, str] = {}
        return self.page

    def offers(self, button: str) -> bool:
        """Say whether the page has a button with these words."""
        return any(words == button for form in self.forms for *_, words in form.buttons)

    def follow(self, words: str) -> str:
        """Follow the link with these words."""
        for address, text in self.links:
            if text == words:
                path = address.partition("#")[0]
                return self.open(self.path + path if path.startswith("?") else path)
        raise AssertionError(f"{self.path} has no link {words!r}: {[t for _, t in self.links]}")

    def fill(self, **values: str) -> None:
        """Fill in fields by name; each must be on the page. `-` in a name is written `__`."""
        for name, value in values.items():
            field_name = name.replace("__", "-")
            assert any(field_name in form.values for form in self.forms), (
                f"{self.path} has no field {field_name}: {[form.values for form in self.forms]}"
            )
            self._filled[field_name] = value

    def press(self, button: str) -> str:
        """Press the button with these words; its form is sent with what was filled in."""
        for form in self.forms:
            for name, value, words in form.buttons:
                if words != button:
                    continue
                sent = {k: self._filled.get(k, v) for k, v in form.values.items()}
                if name:
                    sent[name] = value
                send = self.client.post if form.method == "post" else self.client.get
                return self._show(send(form.action or self.path, sent, follow=True))
        offered = [words for form in self.forms for *_, words in form.buttons]
        raise AssertionError(f"{self.path} has no button {button!r}, only {offered}")
