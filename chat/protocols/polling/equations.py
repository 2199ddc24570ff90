"""/chat/equation: equations in LaTeX as MathML. Beyond the document."""

from typing import Any

from flask import Blueprint, Response

from chat.equations import NotAnEquation, hash_of, mathml
from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.query_params import asks
from chat.lanes import Lane, enter_lane
from chat.models import Actor
from chat.protocols.polling.errors import success
from chat.protocols.polling.requests.equations import EquationQuery
from chat.protocols.polling.responses.equations import Equation

bp = Blueprint("polling_equations", __name__, url_prefix="/chat")


@bp.get("/equation")
@signed_in
@asks(EquationQuery)
@answers(Equation, ErrorCode.EQUATION_INVALID, zh="将 LaTeX 公式转换为 MathML。")
def equation(actor: Actor, query: dict[str, Any]) -> Response:
    """Convert an equation to MathML. Beyond the document."""
    del actor
    enter_lane(Lane.LONG)
    if hash_of(query["tex"]) != query["hash"]:
        raise ChatError(ErrorCode.FIELD_INVALID, field="hash")
    try:
        tree = mathml(query["tex"])
    except NotAnEquation:
        raise ChatError(ErrorCode.EQUATION_INVALID) from None
    response = success("Converted.", "已转换。", mathml=tree)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"  # the address contains the equation
    return response
