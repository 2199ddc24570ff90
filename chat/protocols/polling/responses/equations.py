"""Answers: equations."""

from marshmallow import fields

from chat.http.api_spec import about
from chat.protocols.polling.responses.done import Done


class Equation(Done):
    mathml = fields.List(
        fields.Raw(),
        required=True,
        metadata=about(
            "the MathML element: its name, its attributes, and its children, which are texts and such elements",
            "MathML 元素：名称、属性，以及子节点（文本或同样形式的元素）",
        ),
    )
