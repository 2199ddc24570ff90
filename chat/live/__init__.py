"""Connections: a gunicorn worker with one asyncio loop that owns them all, and threads that run requests.

worker.py     the worker: loop, listeners, signals
    pool.py       its threads
    connection.py an HTTP/1.1 connection: reading, answering, holding
    framing.py    splits bytes into requests; strict, sans I/O
    heads.py      interprets request heads, and normalises them for the cache of parsed heads
    request.py    runs one request through gunicorn's parser and the WSGI application, in a thread
    parking.py    requests without an answer yet, and upgrades to sockets
    peer.py       interfaces between a socket and its protocol
    stream.py     a socket (WebSocket or TCP): order, limits, heartbeat, closing
    push.py       pushes new messages to one socket
    websocket.py  a WebSocket connection
    lines.py      a connection with lines, and raw bytes between them
    pieces.py     chunked sending of large content
    frames.py     splits bytes into WebSocket frames; strict, sans I/O

Knows no protocol: views park requests (chat.http.hold) or upgrade them to sockets (chat.http.sockets), and the protocol
of lines is passed to the worker with its port (gunicorn.conf.py).
"""
