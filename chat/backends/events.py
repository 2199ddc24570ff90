"""Events as all buses pass them on."""

from collections.abc import Sequence

from chat.models import Event


def newest_of_each(events: Sequence[Event]) -> list[Event]:
    """Keep one event per kind and room: the feed fetches the whole range at once."""
    return list({(event.kind, event.subject_id): event for event in events}.values())
