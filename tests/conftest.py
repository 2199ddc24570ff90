"""Shared fixtures: every test has its own application on its own database, created by the real migrations."""

import contextlib
import fcntl
import gc
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

gc.disable()  # until the tests are collected: loading leaves next to no garbage, and looking for it takes 0.4 s of CPU

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine
from xdist.remote import Producer

from app import create_app, services_for
from chat.backends import engine_options
from chat.clock import SECOND, system_clock
from chat.http.context import EXTENSION
from chat.models import Actor
from chat.services import Services
from config import Settings
from tests import routes, statements
from tests.compiled import compile_share
from tests.database import engine_of, tracing
from tests.databases import POSTGRESQL, Databases, url_of
from tests.databases import SECRET as SECRET
from tests.hashing import cheapen
from tests.postgresql import PrivateServer, programs
from tests.real_server import Server, Servers
from tests.scheduling import Mixed

routes.make_once()
statements.compile_once()
# Hypothesis times examples, and a busy machine takes longer.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


class FakeClock:
    """A clock that tests move in either direction."""

    def __init__(self, now: int | None = None) -> None:
        self.now = now if now is not None else system_clock()

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A database file with all migrations applied and a lobby, to be copied; pytest's first worker makes it."""
    own = tmp_path_factory.getbasetemp()
    home = (own if worker_id == "master" else own.parent) / "migrated"
    home.mkdir(exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "is-ready").exists():
            from flask_migrate import upgrade  # here, as it loads Alembic

            app = create_app(settings_at(home))
            with app.app_context():
                upgrade()
            services_of(app).rooms.ensure_lobby()  # making it takes each application 2 ms of CPU
            services_of(app).store.dispose()
            (home / "is-ready").touch()
    return home / "commonroom.db"


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on: sqlite or postgresql."""
    return str(getattr(request, "param", request.config.getoption("database")))


@pytest.fixture(scope="session")
def databases(migrated: Path, request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Fill instance folders with fresh databases."""
    made = Databases(migrated, request.config.getoption("database"))
    yield made
    made.drop_all()


@pytest.fixture
def elsewhere(tmp_path: Path, databases: Databases) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    databases.fill(folder, "postgresql")
    yield url_of(folder)
    databases.drop(folder)


@pytest.fixture
def home(tmp_path: Path, database: str, databases: Databases) -> Iterator[Path]:
    """An instance folder with a fresh database."""
    folder = tmp_path / "instance"
    folder.mkdir()
    databases.fill(folder, database)
    yield folder
    databases.drop(folder)


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    cheapen(monkeypatch.setattr)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make_app(home: Path, cheap_passwords: None) -> Iterator[Callable[..., Flask]]:
    """create_app on the test's database; settings and clock as given."""
    made: list[Flask] = []

    def make(clock: Callable[[], int] = system_clock, **settings: object) -> Flask:
        app = create_app(settings_at(home, **settings), clock)
        made.append(app)
        return app

    yield make
    for app in made:
        services_of(app).close()
        services_of(app).store.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def make_services(home: Path, cheap_passwords: None) -> Iterator[Callable[..., Services]]:
    """Services on the test's database, without Flask; settings and clock as given."""
    made: list[Services] = []

    def make(clock: Callable[[], int] = system_clock, **given: object) -> Services:
        settings = settings_at(home, **given)
        options = engine_options(settings.postgresql_url, settings.database_busy_seconds)
        made.append(services_for(settings, create_engine(settings.database_uri, **options), clock))
        return made[-1]

    yield make
    for services in made:
        services.close()
        services.store.dispose()


@pytest.fixture
def services(make_services: Callable[..., Services], clock: FakeClock) -> Services:
    """Services on a fake clock, without their background threads."""
    made = make_services(clock)
    made.rooms.ensure_lobby()
    return made


@pytest.fixture
def other(make_services: Callable[..., Services], clock: FakeClock) -> Services:
    """A second process on the same database, in effect."""
    return make_services(clock)


@pytest.fixture
def server(home: Path) -> Iterator[Callable[..., Server]]:
    """Start real gunicorns on the test's database; they end with the test."""
    servers = Servers(Server, lambda: home)
    yield servers.start
    servers.kill()


@pytest.fixture(scope="module")
def serve(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Start real gunicorns for all tests of a module, each on a database of its own. None may write a traceback."""
    servers = Servers(Server, lambda: databases.filled(tmp_path_factory.mktemp("served")))
    yield servers.start
    servers.kill()
    assert "Traceback" not in servers.logs()


@pytest.fixture
def figure(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Write a figure of an acceptance check down, for the end of the run."""
    marker = request.node.get_closest_marker("acceptance")
    return lambda text: record_property(_FIGURES, f"check {marker.args[0]}: {text}")


def settings_at(home: Path, **given: object) -> Settings:
    values: dict[str, object] = {"instance_path": home, "secret_key": SECRET, "database_url": url_of(home), **given}
    return Settings(**values)  # type: ignore[arg-type]


def services_of(app: Flask) -> Services:
    found = app.extensions[EXTENSION]
    assert isinstance(found, Services)
    return found


@contextlib.contextmanager
def statements_of(services: Services) -> Iterator[list[str]]:
    """The first words of all SQL that this thread runs, BEGIN and COMMIT included, as the database sees it."""
    statements: list[str] = []
    mine = threading.get_ident()

    def count(statement: str) -> None:
        if threading.get_ident() == mine:  # not the background threads'
            statements.append(statement.split()[0])

    services.store.dispose()  # so that all connections are new ones
    with tracing(engine_of(services), count):
        with services.store.read():  # the connection's settings are none of the statements
            pass
        statements.clear()
        yield statements
    services.store.dispose()


def sign_up(services: Services, username: str) -> Actor:
    """An account with a session, straight through the services."""
    user_id, session = services.accounts.register(username, "secret1", "192.0.2.1")
    return resolved(services, session.id, user_id)


def again(services: Services, actor: Actor) -> Actor:
    """The actor as the next request finds them."""
    return resolved(services, actor.session_id, actor.user_id)


def resolved(services: Services, session_id: str, user_id: int) -> Actor:
    actor = services.sessions.resolve(session_id, user_id)
    assert actor is not None
    return actor


def make_teacher(services: Services, actor: Actor) -> Actor:
    services.teachers.appoint(None, actor.username, is_teacher=True)
    return again(services, actor)


def run_in_threads(*jobs: Callable[[], object], timeout: float = 30) -> None:
    """Run all concurrently and wait; the first exception is re-raised here."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(jobs))

    def guarded(job: Callable[[], object]) -> None:
        try:
            barrier.wait()
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
        assert not thread.is_alive(), "a job hangs"
    if errors:
        raise errors[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database", choices=["sqlite", POSTGRESQL], default="sqlite",
        help="run everything on this one; by default SQLite, and what is marked both_databases on PostgreSQL too",
    )  # fmt: skip
    parser.addoption("--examples", type=int, default=1, help="how many times as many examples property tests try")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests on both databases that are marked so."""
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    if "database" not in metafunc.fixturenames or "sqlite_only" in marks:
        return
    if "postgresql_only" in marks:
        metafunc.parametrize("database", [POSTGRESQL], indirect=True)
    elif "both_databases" in marks and metafunc.config.getoption("database") != POSTGRESQL:
        metafunc.parametrize("database", ["sqlite", POSTGRESQL], indirect=True)


_FIGURES = "figures"
_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30  # bytes: about as much as a run writes in all, most of which it removes on the way
_SERVER = pytest.StashKey[PrivateServer]()


def pytest_configure(config: pytest.Config) -> None:
    """One PostgreSQL for all workers of this run, started when a test asks for it."""
    # The cyclic garbage of imports and of single tests is little; by default looking for it takes 6 % of the CPU.
    gc.set_threshold(50_000, 20, 100)
    if config.getoption("numprocesses", None):
        gc.enable()  # the workers collect the tests, not this process
    compile_share(config)
    if not hasattr(config, "workerinput"):
        work_in_memory()
    if not hasattr(config, "workerinput") and programs() is not None:
        config.stash[_SERVER] = PrivateServer()


def work_in_memory() -> None:
    """Have the folders of tests (tmp_path) in memory where there is room: on a disk, databases take more CPU."""
    with contextlib.suppress(OSError):
        if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Mixed | None:
    """Files go to workers as a whole; of single files the tests do, as `--dist` says."""
    return None if any(".py" in name for name in config.args) else Mixed(config, log)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVER in config.stash:
        config.stash[_SERVER].stop()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("sqlite_only") and item.config.getoption("database") == POSTGRESQL:
        pytest.skip("is about SQLite")


def pytest_collection_finish() -> None:
    """Freeze objects loaded so far, which garbage collections need not scan."""
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the figures of acceptance checks (`figure`)."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    properties = [each for report in reports for each in getattr(report, "user_properties", ())]
    for line in dict.fromkeys(value for name, value in properties if name == _FIGURES):
        terminalreporter.write_line(line)
