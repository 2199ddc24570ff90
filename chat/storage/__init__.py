"""Queries that every database runs: prepared statements, the timeline of a room, avatars."""
