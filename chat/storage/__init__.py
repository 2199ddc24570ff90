"""Queries shared by all databases: prepared statements, the timeline of a room, avatars."""
