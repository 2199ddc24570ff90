"""How many connections there may be."""

from chat.server.connection_limits import Places


def test_one_address_has_its_bound_and_others_have_room() -> None:
    places = Places(most=100, most_each=3)
    assert [places.take("192.0.2.1") for _ in range(5)] == [0, 0, 0, 1, 2]
    assert places.take("192.0.2.2") == 0
    for _ in range(3):
        places.leave("192.0.2.1")
    assert places.take("192.0.2.1") == 0


def test_no_address_takes_more_than_half_of_all() -> None:
    assert Places(most=100, most_each=2000).most_each == 50
    assert Places(most=1, most_each=2000).most_each == 1


def test_all_together_have_a_bound() -> None:
    places = Places(most=4, most_each=2)
    assert [places.take(f"192.0.2.{number}") for number in range(6)] == [0, 0, 0, 0, 1, 2]


def test_proxies_and_a_bound_of_none() -> None:
    assert [Places(most=4, most_each=1).take("") for _ in range(3)] == [0, 0, 0]
    places = Places(most=4)
    assert [places.take("192.0.2.1") for _ in range(5)] == [0, 0, 0, 0, 1]


def test_disconnected_addresses_are_forgotten() -> None:
    places = Places(most=4, most_each=1)
    places.take("192.0.2.1")
    places.leave("192.0.2.1")
    assert not places._by_address
