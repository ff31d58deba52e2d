"""The one error of this layer, raised while an encoder is found, built or opened."""

from __future__ import annotations

from kb.errors import KbError


class EncoderUnavailable(KbError):
    """No sentence encoder can be used; `reason` is one line that says what to mend.

    The service then answers from lexical search alone, so this never reaches a client.
    """

    code = "encoder_unavailable"
    status = 503

    def __init__(self, reason: str) -> None:
        self.reason = " ".join(reason.split())
        super().__init__(self.reason)
