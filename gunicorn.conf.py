"""How gunicorn runs Commonroom; `make run` and a plain `gunicorn` in this folder both read it."""

import contextlib
import ctypes
import gc
import logging
import os
import resource
import sys
from functools import partial

from gunicorn.sock import TCP6Socket, TCPSocket

from config import ConfigError, Settings
from instance import PRIVATE_UMASK, check_database, prepare
from startup import bracketed, check_ports, greeting, http_ports, lan_addresses

M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3  # malloc.h
os.umask(PRIVATE_UMASK)
try:
    _settings = Settings.from_environ()
except ConfigError as _error:
    sys.exit(f"Commonroom cannot start. {_error}")
# Workers are forked from here: what is imported here, a reload (SIGHUP) would not read again.
for _name in ("config", "instance", "startup"):
    del sys.modules[_name]

wsgi_app = "wsgi:app"
# The same is served at both; clients that keep to realtime's document connect their WebSocket to the second.
_ports = http_ports(_settings)
bind = [f"{bracketed(_settings.host)}:{port}" for port in _ports]
# That of the tcp protocol is bound in when_ready: where it is taken, the rest is to serve all the same.
_tcp_port = _settings.tcp_port if _settings.tcp_port not in _ports else 0
if _settings.tls == "self-signed":
    from certificate import fingerprint, kept_certificate

    prepare(_settings)
    certfile = str(kept_certificate(_settings.instance_path, lan_addresses()))
    _fingerprint = fingerprint(certfile)
else:
    _fingerprint = ""
worker_class = "chat.live.worker.LiveWorker"
threads = _settings.threads
backlog = 4096
timeout = 60  # a worker whose main loop is stuck for so long is replaced; held pulls do not count
graceful_timeout = 10
limit_request_line = 8190
limit_request_field_size = 32 * 1024 + 64  # chat.live.framing bounds all of them together
limit_request_fields = 256
keepalive = 75  # longer than a pull is held
control_socket_disable = True
# Which proxies to believe is CHAT_TRUSTED_PROXIES' to say, not gunicorn's.
forwarded_allow_ips = ""
# Never the query string: it may hold a token. Access logging itself is off unless asked for (--access-logfile -).
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(M)sms'
loglevel = "warning"


def on_starting(server):
    """Say in one line why it cannot start. Let connections, not the shell's soft limit, be the bound."""
    try:
        prepare(_settings)
        check_database(_settings.database_path)
        if not {"GUNICORN_FD", "LISTEN_FDS"} & os.environ.keys():  # else the ports are there, and ours
            check_ports([address for address in server.address if isinstance(address, tuple)], _settings)
    except ConfigError as error:
        sys.exit(f"Commonroom cannot start. {error}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def post_fork(server, worker):
    """Have glibc give memory back: large answers by mmap, and not a heap for each thread."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 256 * 1024)


def when_ready(server):
    """Tell a person where to go."""
    _listen_for_tcp(server)
    tcp_port = _tcp_port if _tcp_port in {listener.getsockname()[1] for listener in server.LISTENERS} else 0
    lines = greeting(_settings, scheme="https" if server.cfg.is_ssl else "http", tcp_port=tcp_port)
    if _fingerprint:
        lines.insert(
            -1, f"Browsers will warn of its certificate once. It is the right one if its SHA-256 is {_fingerprint}"
        )
    print("\n".join(lines), flush=True)


def post_worker_init(worker):
    """Be ready before the first request, and answer held pulls as soon as this worker is told to stop."""
    from chat import metrics  # here, as the master must not import it
    from chat.http.envelopes import refusals
    from chat.http.long_bodies import takes_any, takes_long
    from chat.live.clients import Clients
    from chat.live.memory import Memory
    from chat.security.tokens import user_named
    from chat.web.health import on_loop

    services = worker.wsgi.extensions["commonroom"]
    if worker.cfg.workers > 1:
        services.limits.hold_over_workers()
    try:
        services.start()
    except Exception:
        # Tried again every second, and with each request; until then /healthz says 503.
        logging.getLogger("gunicorn.error").exception("the database is not ready: run `flask --app wsgi db upgrade`")
    if _tcp_port:
        worker.line_protocols = {_tcp_port: worker.wsgi.extensions["commonroom.lines"]}
        worker.line_proxies = _settings.tcp_proxy_protocol
    services.health.watch()
    worker.health = on_loop(worker.wsgi)
    worker.takes_long = takes_long(worker.wsgi)
    worker.takes_any = takes_any(worker.wsgi)
    worker.envelope = refusals(worker.wsgi)
    worker.memory = Memory(_settings.client_memory_max_bytes, 2 * _settings.body_max_bytes)
    worker.places.set_most_each(_settings.connections_per_address)
    worker.is_proxied = _settings.trusted_proxies > 0
    worker.stopping = services.answer_held
    worker.clients = Clients(partial(user_named, secret=worker.wsgi.config["SECRET_KEY"]), _settings.trusted_proxies)
    metrics.watch(
        connections=lambda: len(worker.connections),
        held=lambda: sum(connection.is_held for connection in list(worker.connections)),
    )
    # What has been loaded stays for good. Looking through it, each full collection stopped all threads for 0.1 s.
    gc.collect()
    gc.freeze()


def worker_exit(server, worker):
    """Write what is only in memory so far."""
    app = getattr(worker, "wsgi", None)  # not there yet where it is stopped while it starts
    if app is not None:
        app.extensions["commonroom"].close()


def _listen_for_tcp(server):
    """One more listener, for all workers; each knows by its port what is spoken there."""
    if _settings.tcp_port and not _tcp_port:
        server.log.warning("TCP_PORT=%s is an HTTP port: THE TCP PROTOCOL IS NOT SERVED.", _settings.tcp_port)
    inherited = {listener.getsockname()[1] for listener in server.LISTENERS}  # by gunicorn started anew (SIGUSR2)
    if not _tcp_port or _tcp_port in inherited:
        return
    listener_type = TCP6Socket if ":" in _settings.host else TCPSocket
    try:
        server.LISTENERS.append(listener_type((_settings.host, _tcp_port), server.cfg, server.log))
    except OSError as error:
        server.log.warning(
            "TCP port %s: %s. THE TCP PROTOCOL IS NOT SERVED; all else is. Set TCP_PORT to another port, or to 0.",
            _tcp_port,
            error.strerror or error,
        )
