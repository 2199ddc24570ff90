"""Requests: equations."""

from marshmallow import fields, validate

from chat.equations import MAX_CHARS, hash_of
from chat.http.api_spec import about
from chat.http.fields import In

HASH = hash_of("x^2")


class EquationQuery(In):
    hash = fields.String(
        required=True,
        validate=validate.Regexp(r"[0-9a-f]{64}\Z"),
        metadata=about(
            "SHA-256 of tex in UTF-8, in hexadecimal",
            "tex（UTF-8）的 SHA-256，十六进制",
            pattern="^[0-9a-f]{64}$",
            examples=[HASH],
        ),
    )
    tex = fields.String(
        required=True,
        validate=validate.Length(max=MAX_CHARS),
        metadata=about("the equation in LaTeX", "LaTeX 公式", maxLength=MAX_CHARS, examples=["x^2"]),
    )
