"""From measured costs to numbers of users: `python -m bench.simulate` prints the tables of docs/scaling.md."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """CPU milliseconds of one operation, as measured (the sources are in docs/scaling.md)."""

    http_send: float = 0.35  # a request to send, without the database
    client_send: float = 0.11  # the server's side of its four statements
    database_send: float = 0.18  # PostgreSQL's
    delivery: float = 0.020
    hint: float = 0.040  # a hint of another process, in each process
    redis_hint: float = 0.005  # in Redis, with 50 subscribers
    wal_kb: float = 0.7  # kilobytes of write-ahead log a send


@dataclass(frozen=True)
class Load:
    users: int
    messages_a_minute: float = 1.0  # of each user
    room: int = 30  # members

    @property
    def sends(self) -> float:
        """A second."""
        return self.users * self.messages_a_minute / 60

    @property
    def deliveries(self) -> float:
        return self.sends * self.room


TARGET = 0.6  # of a core that a process may use
COLUMNS = (
    *("users", "sends/s", "deliveries/s", "server cores", "processes", "database cores", "WAL MB/s"),
    *("hints of a process", "Redis cores"),
)


def row(load: Load, costs: Costs, channels: int) -> list[str]:
    """The needs of one load. channels: hints are spread over as many, and a process hears one of them."""
    work = load.sends * (costs.http_send + costs.client_send) / 1000 + load.deliveries * costs.delivery / 1000
    heard = load.sends / channels * costs.hint / 1000  # cores of each process
    processes = max(1, -(-work // max(0.01, TARGET - heard))) if heard < TARGET else 0
    return [
        f"{load.users:,}",
        f"{load.sends:,.0f}",
        f"{load.deliveries:,.0f}",
        f"{work:,.1f}",
        f"{processes:,.0f}" if processes else "impossible",
        f"{load.sends * costs.database_send / 1000:,.2f}",
        f"{load.sends * costs.wal_kb / 1000:,.1f}",
        f"{100 * heard:,.0f} % of a core",
        f"{load.sends * costs.redis_hint / 1000:,.2f}",
    ]


def table(channels: int, costs: Costs | None = None) -> str:
    """A Markdown table for 1,000 to 100 million users."""
    sizes = [Load(10**power) for power in (3, 4, 5, 6, 8)]
    lines = [COLUMNS, ["---"] * len(COLUMNS), *(row(size, costs or Costs(), channels) for size in sizes)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    for count in (1, 64):
        print(f"{count} channel(s)\n\n{table(count)}\n")  # noqa: T201
