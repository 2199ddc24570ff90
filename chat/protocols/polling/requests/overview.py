"""Requests: overviews."""

from chat.http.fields import In
from chat.http.paging_params import Paged


class OnlineQuery(In, Paged):
    """Filters of the list of online users."""
