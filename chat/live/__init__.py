"""Connections: a gunicorn worker whose one asyncio loop owns them all; threads only where a request is worked on.

worker.py     the worker: loop, listeners, signals
pool.py       its threads
connection.py one HTTP/1.1 connection: reading, answering, waiting
framing.py    where one request ends and the next begins; strict, without any I/O
heads.py      what a head says of that, and the shapes of heads
request.py    one request through gunicorn's parser and the WSGI application, in a thread; what is remembered of heads
parking.py    what a request leaves behind when it is not answered yet, or goes on as a socket
peer.py       what passes between a socket and the protocol spoken on it
stream.py     one socket: order, bounds, heartbeat, closing; WebSocket's and TCP's alike
push.py       what is new for one socket, written as it comes
websocket.py  a WebSocket connection
lines.py      a connection of lines, with raw bytes between them
pieces.py     sending what is too large to be in memory whole
frames.py     where a frame ends and what is wrong with it; strict, without any I/O

It knows no protocol: a view that wants to wait parks its request (chat.http.hold), one that wants a socket
upgrades it (chat.http.sockets), one of lines is given to the worker by its port (gunicorn.conf.py).
"""
