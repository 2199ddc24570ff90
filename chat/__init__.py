"""Commonroom, from the wire down. Imports go down this list only (import-linter holds it):

protocols/   one sealed package per published protocol; the same file names for the same jobs in each
web/         the browser page
cli.py       `flask chat …`, for whoever runs the server
http/        what all HTTP protocols share: bodies, who is asking, origins, envelopes, held requests
services/    the rules, by noun; the only place that writes
live/        connections: the gunicorn worker with its loop; knows no protocol
delivery/    who waits (notifier), the recent tail of each room (feed), news of other processes (bus)
storage/     the database: engine, transactions, the queries of a room's timeline
security/    passwords, tokens, limits
models/      tables and the records read from them
pictures/    pictures from strangers: without metadata, and whether they decode
errors.py, names.py, clock.py, extensions.py, metrics.py
"""

__version__ = "0.2.0.dev0"
