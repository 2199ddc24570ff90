"""gunicorn's configuration, used by `make run` and by a plain `gunicorn` in this folder."""

import contextlib
import ctypes
import gc
import logging
import os
import resource
import sys

from gunicorn.sock import TCP6Socket, TCPSocket

from chat.server.handover import Handover
from chat.server.load_table import LoadTable
from chat.server.reload_check import guard
from chat.server.replacements import Replacements
from config import Settings
from instance import PRIVATE_UMASK, check, prepare
from setting_parsers import ConfigError
from startup import bracketed, can_draw, check_ports, check_workers, greeting, http_ports, lan_addresses

M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3  # malloc.h
os.umask(PRIVATE_UMASK)
try:
    _settings = Settings.from_environ()
except ConfigError as _error:
    sys.exit(f"Commonroom cannot start. {_error}")
# Workers are forked from here: a reload (SIGHUP) would not re-read modules imported by the master.
for _name in ("config", "instance", "setting_parsers", "startup", "chat.names"):
    sys.modules.pop(_name, None)

wsgi_app = "wsgi:app"
# Both ports serve the same; realtime's document has a separate port for its WebSocket.
_ports = http_ports(_settings)
bind = [f"{bracketed(_settings.host)}:{port}" for port in _ports]
# The tcp protocol's port is bound in when_ready, so that HTTP is served even if the port is taken.
_tcp_port = _settings.tcp_port if _settings.tcp_port not in _ports else 0
if _settings.tls == "self-signed":
    from certificate import fingerprint, kept_certificate

    prepare(_settings)
    certfile = str(kept_certificate(_settings.instance_path, lan_addresses()))
    _fingerprint = fingerprint(certfile)
else:
    _fingerprint = ""
# Made before the fork; also for one worker, as signals can make several of it.
_loads = LoadTable(_settings.worker_busy_percent / 100) if _settings.worker_busy_percent else None
worker_class = "chat.server.worker.LiveWorker"
threads = _settings.threads
backlog = 4096
timeout = 60  # replaces a worker whose main loop is stuck; held pulls do not count
graceful_timeout = 10
limit_request_line = 8190
limit_request_field_size = 32 * 1024 + 64  # chat.server.http_parser limits the total size of the headers
limit_request_fields = 256
keepalive = 75  # longer than a pull is held
control_socket_disable = True
# CHAT_TRUSTED_PROXIES decides which proxies are trusted, not gunicorn.
forwarded_allow_ips = ""
# No query string, which may contain a token. Access logging is off unless enabled (--access-logfile -).
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(M)sms'
loglevel = "warning"


def on_starting(server):
    """Report startup errors in one line, and raise the soft limit on file descriptors."""
    try:
        prepare(_settings)
        _settings.secret()
        check(_settings)
        check_workers(server.cfg.workers)
        if not {"GUNICORN_FD", "LISTEN_FDS"} & os.environ.keys():  # otherwise the ports are inherited
            check_ports([address for address in server.address if isinstance(address, tuple)], _settings)
    except ConfigError as error:
        sys.exit(f"Commonroom cannot start. {error}")
    server.handover = Handover()  # kept over reloads, unlike this module
    guard(server, lambda: _check_anew(server))
    Replacements(server, server.handover)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _check_anew(server):
    """Check what the start checks, for a reload; in a child of the master, with the application loaded."""
    from instance import check

    settings = server.app.wsgi().config["SETTINGS"]
    check(settings)
    check_workers(server.app.cfg.workers)
    new = [address for address in server.app.cfg.address if address not in server.cfg.address]
    check_ports([address for address in new if isinstance(address, tuple)], settings)
    if (server.app.cfg.address, settings.tcp_port) != (server.cfg.address, _settings.tcp_port):
        # gunicorn would close all, and bind them while old workers still listen: those that stay could not be bound
        raise ConfigError("The addresses or ports to listen at have changed: restart the server for it.")


def on_reload(server):
    """Have the workers that stop now wait for those that start."""
    if not hasattr(server, "handover"):  # started by an older version
        server.handover = Handover()
    server.handover.begin_reload()


def post_fork(server, worker):
    """Have glibc return memory: large answers by mmap, and fewer heaps for threads."""
    worker.follow_reloads(server.handover)
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 256 * 1024)


def when_ready(server):
    """Print the server's addresses."""
    _listen_for_tcp(server)
    tcp_port = _tcp_port if _tcp_port in {listener.getsockname()[1] for listener in server.LISTENERS} else 0
    scheme = "https" if server.cfg.is_ssl else "http"
    lines = greeting(_settings, scheme=scheme, tcp_port=tcp_port, draws=can_draw(sys.stdout))
    if _fingerprint:
        lines.insert(
            -1, f"Browsers will warn of its certificate once. It is the right one if its SHA-256 is {_fingerprint}"
        )
    print("\n".join(lines), flush=True)


def post_worker_init(worker):
    """Prepare for the first request, and answer held pulls when this worker is told to stop."""
    import serving  # imported here, because the master must not import it
    from chat import metrics

    services = worker.wsgi.extensions["commonroom"]
    if _settings.shares_limits(worker.cfg.workers):
        services.limits.hold_over_workers()
    if not worker.is_trial:
        _start(services)
    worker.serve(serving.application(worker.wsgi, _tcp_port), serving.limits(_settings), _loads)
    metrics.watch(connections=worker.count_connections, held=worker.count_held)
    if worker.age == 1:  # the first of the start, not those that replace it
        _say_who_teaches(services.site, "https" if worker.cfg.is_ssl else "http")
    gc.freeze()  # as in wsgi.py, whose objects took each full collection 0.1 s, in which all threads stood


def _start(services):
    """Start the background threads. If the database is not ready, they are started as soon as it is."""
    try:
        services.start()
    except Exception:
        # Retried every second and with each request; /healthz answers 503 until then.
        logging.getLogger("gunicorn.error").exception("the database is not ready: run `flask --app wsgi db upgrade`")
    services.health.watch()


def _say_who_teaches(site, scheme):
    """While the site has no teacher, print the link by which somebody becomes it."""
    from chat.errors import ChatError
    from startup import claim_line

    try:
        token = site.new_claim()
    except ChatError:
        return  # the database is not ready
    if token is not None:
        print(claim_line(_settings, scheme, token), flush=True)


def worker_exit(server, worker):
    """Write the state that is only in memory."""
    app = getattr(worker, "wsgi", None)  # missing if the worker is stopped while it starts
    if app is not None:
        app.extensions["commonroom"].close()


def _listen_for_tcp(server):
    """Add a listener to all workers, which identify the tcp protocol by its port."""
    if _settings.tcp_port and not _tcp_port:
        server.log.warning("TCP_PORT=%s is an HTTP port: THE TCP PROTOCOL IS NOT SERVED.", _settings.tcp_port)
    # inherited from a gunicorn that was upgraded (SIGUSR2)
    inherited = {listener.getsockname()[1] for listener in server.LISTENERS}
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
