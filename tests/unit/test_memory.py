"""The memory account for clients' data."""

from chat.server.memory import Memory, Share


class Connection:
    def __init__(self, client: int | str, place: str) -> None:
        self.client = client
        self.place = place
        self.share: Share | None = None


def test_a_person_has_an_eighth_over_all_connections() -> None:
    memory = Memory(800_000)
    first, second, other = (Connection(user, "192.0.2.1") for user in (7, 7, 8))
    assert memory.keep(first, 60_000)
    assert not memory.keep(second, 60_000)
    assert memory.keep(other, 60_000)
    assert memory.of(7) == 120_000, "counted all the same, until it is given up"
    assert memory.keep(second, 0)
    assert memory.keep(first, 100_000)


def test_an_address_has_three_quarters_for_any_users() -> None:
    memory = Memory(1_000_000)
    for user in range(7):
        assert memory.keep(Connection(user, "192.0.2.1"), 100_000)
    assert memory.keep(Connection("192.0.2.1", "192.0.2.1"), 50_000)
    assert not memory.keep(Connection(8, "192.0.2.1"), 10_000)
    assert memory.keep(Connection(9, "192.0.2.2"), 100_000)


def test_proxies_are_no_address() -> None:
    memory = Memory(1_000_000)
    for user in range(9):
        assert memory.keep(Connection(user, ""), 100_000)
    assert not memory.keep(Connection(10, ""), 110_000), "all together"


def test_released_memory_leaves_nothing() -> None:
    memory = Memory(1_000_000)
    connection = Connection(7, "192.0.2.1")
    assert memory.keep(connection, 5000)
    connection.client = 8  # refunded to the client that was charged
    assert memory.keep(connection, 9000)
    assert (memory.of(7), memory.of(8), memory.of("192.0.2.1")) == (9000, 0, 9000)
    assert memory.keep(connection, 100)
    assert (memory.total, memory._of, connection.share) == (0, {}, None)


def test_less_is_always_within() -> None:
    memory = Memory(100_000)
    connection = Connection(7, "")
    assert not memory.keep(connection, 90_000)
    assert memory.keep(connection, 80_000)


def test_a_person_can_send_one_request_of_any_size_that_is_allowed() -> None:
    assert Memory(800_000, least_share=200_000).keep(Connection(7, "192.0.2.1"), 200_000)


def test_a_large_piece_that_many_hold_counts_once_until_the_last_lets_go() -> None:
    memory = Memory(800_000)
    picture, own = bytes(90_000), bytearray(20_000)
    readers = [Connection(user, "192.0.2.1") for user in range(50)]
    assert all(memory.hold(reader, [b"head", picture]) for reader in readers)
    assert (memory.total, memory.of(0), memory.of(1)) == (90_000, 90_000, 0)
    assert not memory.hold(readers[0], [bytes(own)]), "more than a person's eighth"
    for _ in readers[1:]:
        memory.release([b"head", picture])
    assert memory.total == 110_000
    memory.release([b"head", picture])
    assert memory.total == 20_000
