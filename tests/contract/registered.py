"""Clients of each protocol, with an account."""

from flask import Flask

from tests.contract.clients import FlaskTransport, PollingClient
from tests.contract.ims_client import ImsClient
from tests.contract.roomapi_client import RoomapiClient


def polling(app: Flask, name: str = "") -> PollingClient:
    """Without a name, it has no account."""
    made = PollingClient(FlaskTransport(app))
    if name:
        made.register(name)
    return made


def roomapi(app: Flask, name: str) -> RoomapiClient:
    made = RoomapiClient(FlaskTransport(app))
    made.register(name)
    return made


def ims(app: Flask, name: str) -> ImsClient:
    made = ImsClient(FlaskTransport(app))
    made.register(name)
    return made
