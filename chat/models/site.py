"""Settings of the whole site."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db


class SiteSetting(db.Model):
    """One setting, as JSON. Without a row it has its default (services.site)."""

    __tablename__ = "site_settings"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)
