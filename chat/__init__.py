"""Commonroom, a chat server. Packages, in the order of their layers; imports go downwards only (import-linter checks
it):

    protocols/   one self-contained package per published protocol
    web/         the browser page
    cli.py       `flask chat …`, commands for the administrator
    http/        shared by the HTTP protocols: bodies, authentication, origins, envelopes, long polls
    services/    the rules, one module per noun; the only layer that writes
    server/      the gunicorn worker: event loop, connections, threads; knows no protocol
    delivery/    the hub, the notifier (waiting clients), feeds (recent messages per room)
    backends/    the databases: engine, transactions, bus (events of other processes)
    ports/       interfaces of a database, a bus and shared state, as services and delivery use them
    storage/     queries that every database runs: messages, avatars
    security/    passwords, tokens, rate limiters
    models/      tables and the records read from them
    pictures/    verification and rewriting of untrusted pictures
    errors.py, names.py, clock.py, extensions.py, lanes.py, metrics.py
"""

__version__ = "0.2.0"
