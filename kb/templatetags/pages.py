"""What the templates of the pages call: marks, moments, names. Words are `kb.web.words`'."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from kb import conf
from kb.actions.listing import Line
from kb.models import Hold, Person
from kb.web import words
from policies import scope as scopes

register = template.Library()


@register.filter
def mark(line: Line) -> words.Mark:
    """The streak and the word of a version in a list."""
    return words.mark(line.reading, line.out_of_service)


@register.filter
def since(line: Line) -> str:
    """Since when it reads so."""
    return words.since(
        line.reading,
        starts_at=line.starts_at,
        ends_at=line.ends_at,
        decided_at=line.decided_at,
        submitted_at=line.submitted_at,
        edited_at=line.edited_at,
        out_of_service=line.out_of_service,
    )


@register.filter
def moment(at: datetime | None) -> SafeString:
    """An instant, relative up to a week, with the whole of it to hover and to machines."""
    return _time(at, words.moment)


@register.filter
def exact(at: datetime | None) -> SafeString:
    """An instant in full."""
    return _time(at, words.exact)


@register.filter
def day(at: datetime | None) -> SafeString:
    """The day of an instant."""
    return _time(at, words.day)


@register.filter
def named(person: Person) -> str:
    """The name a person goes by."""
    return words.named(person)


@register.filter
def actor(name: str) -> str:
    """Who acted, from the name that rows keep."""
    return words.actor(name)


@register.filter
def placer(hold: Hold) -> str:
    """Who placed a hold: people by the name they go by, clients and the system as they are."""
    kind, _colon, username = hold.placed_by.partition(":")
    person = Person.objects.filter(username=username).first() if kind == "person" else None
    return words.named(person) if person else words.actor(hold.placed_by)


@register.filter
def meaning(code: str) -> str:
    """What a signature declares, in the words that are signed."""
    return words.MEANINGS.get(code, code)


@register.filter
def why_out(code: str | None) -> str:
    """Why a version in effect isn't served."""
    return words.OUT_SENTENCES.get(code or "", "")


@register.filter
def field_of(form: Any, name: str) -> Any:
    """The form's field called `name`."""
    return form[name]


@register.filter
def safe_html(html: str) -> SafeString:
    """HTML that `kb.text` sanitised before it was stored or returned; nothing else goes here."""
    return mark_safe(html)  # noqa: S308


@register.filter
def readable(highlight: str) -> SafeString:
    """What a search found (escaped text with <mark>, by `kb.search`), without Markdown's signs."""
    return mark_safe(words.readable(highlight))  # noqa: S308


@register.filter
def terms(scope: dict[str, str] | None) -> list[str]:
    """A scope as terms to show, sorted by key."""
    return [f"{key} = {value}" for key, value in scopes.normalise(scope or {}).items()]


@register.simple_tag
def reference() -> str:
    """The id of this request, to be quoted when something went wrong."""
    return conf.request_id.get()


def _time(at: datetime | None, write: Any) -> SafeString:
    if at is None:
        return SafeString("")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), words.exact(at), write(at)
    )
