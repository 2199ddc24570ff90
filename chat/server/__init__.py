"""Connections: a gunicorn worker with one asyncio loop that owns them all, and threads that run requests.

    worker.py           the gunicorn worker: loop, listeners, signals
    threads.py          its thread pool
    connection.py       an HTTP/1.1 connection, on http_working, http_answering and bounded_connection
    http_parser.py      splits bytes into requests; strict, sans I/O
    http_heads.py       reads request heads by httptools
    wsgi.py             runs the WSGI application on one request, in a thread
    environ.py          builds its environ
    ports.py            the door: what an application hands to the server, and the server to it
    host.py             what connections need of the worker that owns them
    loop_host.py        provides that: threads, wake-ups, limits, the memory account
    stream.py           a socket (WebSocket or TCP): messages in order; on stream_transport: limits, deadlines, closing
    flow_control.py     parts of HTTP connections and sockets: backpressure; closing.py, heartbeat.py
    push.py             pushes new messages to one socket
    websocket.py        a WebSocket connection
    websocket_frames.py splits bytes into WebSocket frames; strict, sans I/O
    lines.py            a connection with lines, and raw bytes between them
    streaming.py        chunked sending of large content

Knows no chat and no Flask. Views hold requests (chat.http.held_pulls) or upgrade them to sockets (chat.http.upgrade);
everything else that the server calls is a ports.Application, which serving.py makes and gunicorn.conf.py hands over.
"""
