"""Erasure: what a customer wrote goes; that an answer was given, and from which text, stays.

The ledger's rows are untouched, so recall and the audit stay whole. An erasure leaves a tombstone
in the audit that names the customer only by a keyed hash: whoever asks again with the reference can
see that it was done, nobody can read the reference back. Called by the command; what is past its
retention is erased by `kb.actions.upkeep`.
"""

from __future__ import annotations

import hashlib
import hmac

from django.db import connection

from kb.actions.work import Actor, work
from kb.conf import settings
from kb.errors import Invalid
from policies.redaction import redact

_BLANK = (
    "UPDATE kb_answercontent SET question = '', turns = '[]', conversation = '', customer = '', "
    "erased_at = %(now)s WHERE answer_id IN "
)

# The customer's own rows, and what the same client recorded in the same conversations without
# repeating the reference (another client may use the same words for another conversation).
_OF_CUSTOMER = """(SELECT c.answer_id FROM kb_answercontent c JOIN kb_answer a ON a.id = c.answer_id
  WHERE c.erased_at IS NULL AND (c.customer = ANY(%(references)s) OR c.customer = ''
    AND c.conversation <> '' AND EXISTS (
      SELECT FROM kb_answercontent o JOIN kb_answer b ON b.id = o.answer_id
      WHERE o.customer = ANY(%(references)s) AND o.conversation = c.conversation
        AND b.client_id = a.client_id)))"""


def customer_hash(reference: str) -> str:
    """Return the keyed hash that stands for a customer reference in the audit."""
    key = settings().ledger_key.encode()
    return hmac.new(key, f"customer:{reference}".encode(), hashlib.sha256).hexdigest()


def subject(reference: str) -> str:
    """Return the name under which the audit keeps a customer's erasures."""
    return f"customer:{customer_hash(reference)[:32]}"


def erase_customer(*, actor: Actor, reference: str, why: str = "") -> int:
    """Erase what the customer called `reference` wrote; return how many answers that touched.

    Raises Invalid for an empty reference.
    """
    if not reference.strip():
        raise Invalid({"reference": "is empty; give the customer's reference as clients send it"})
    with work(actor=actor) as doing:
        with connection.cursor() as cursor:
            cursor.execute(
                _BLANK + _OF_CUSTOMER,
                {"now": doing.now(), "references": sorted({reference, redact(reference)})},
            )
            count = int(cursor.rowcount)
        doing.record(
            "erase_customer",
            subject(reference),
            new={"answers": count},
            why=why,
        )
        return count
