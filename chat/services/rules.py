"""The settings that the services follow."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings with the same names (config.py)."""

    rate_limits: bool
    lobby: str
    registration: str
    password_min_length: int
    message_max_chars: int
    edit_minutes: float
    image_max_bytes: int
    file_max_bytes: int
    session_hours: float
    presence_seconds: float
    feed_max_bytes: int
    smtp_url: str
    rooms_at_once: int
    rooms_per_hour: int
    rooms_owned: int
    people_added_per_minute: int
    strangers_rooms: int
    requests_per_second: int
    requests_at_once: int
    storage_per_day: int  # bytes
    storage_max: int  # bytes of the database; 0: unlimited
    disk_free_min: int  # bytes
