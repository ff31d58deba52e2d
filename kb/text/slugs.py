"""The slug of an article's address, made from its title.

Never decides whether a slug is taken: the action that makes an article asks the database.
"""

from __future__ import annotations

from hashlib import sha256

from django.utils.text import slugify

MAX_LENGTH = 80


def slug(title: str, *, max_length: int = MAX_LENGTH) -> str:
    """Return lower-case ASCII words joined by hyphens, cut between words.

    A title without any such letters gives `article-` and ten characters that depend on the title.
    """
    full = slugify(title)
    if not full.strip("-_"):
        digest = sha256(title.encode("utf-8", "surrogatepass")).hexdigest()
        return f"article-{digest[:10]}"[:max_length]
    if len(full) <= max_length:
        return full
    cut = full[: max_length + 1].rsplit("-", 1)[0] if "-" in full[: max_length + 1] else full
    return cut[:max_length].rstrip("-_")
