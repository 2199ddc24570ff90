"""One lobby, rooms that count changes of rights; on PostgreSQL what many writers at once need

Revision ID: 0018
Revises: 0017
Create Date: 2026-11-28 08:40:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Found and sorted by code point, as SQLite does, whatever the database's own order is; and an upgrade of the system's
# collations cannot make their indexes wrong.
KEYS = {
    "users": ("username_key", "nickname_key", "email_key"),
    "rooms": ("name_key",),
    "messages": ("client_message_id",),
    "attachments": ("name",),
    "avatars": ("name",),
    "friend_groups": ("name",),
    "known_addresses": ("mark",),
    "processes": ("id",),
    "rate_limits": ("key",),
    "room_tickets": ("secret",),
}
UNIQUE = "uq_messages_room_id_sender_id_client_message_id"
OF_MESSAGE = ["room_id", "sender_id", "client_message_id"]


def upgrade():
    op.add_column("rooms", sa.Column("rights_version", sa.BigInteger(), server_default="0", nullable=False))
    there = sa.text("is_lobby AND deleted_at IS NULL")
    op.create_index("uq_rooms_lobby", "rooms", ["is_lobby"], unique=True, sqlite_where=there, postgresql_where=there)
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in KEYS.items():
            for column in columns:
                op.execute(f'ALTER TABLE {table} ALTER COLUMN {column} TYPE text COLLATE "C"')
        op.execute("ALTER TABLE known_addresses ALTER COLUMN user_id TYPE bigint")  # as users.id
        # Most messages have no id of their client: they are to cost nothing there.
        op.drop_constraint(UNIQUE, "messages", type_="unique")
        given = sa.text("client_message_id IS NOT NULL")
        op.create_index(UNIQUE, "messages", OF_MESSAGE, unique=True, postgresql_where=given)
        # Each send updates the room's row: with space beside it the new version needs no new index entries.
        op.execute("ALTER TABLE rooms SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02)")
        op.execute("ALTER TABLE sessions SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)")
        op.execute("ALTER TABLE attachment_chunks ALTER COLUMN data SET STORAGE EXTERNAL")  # pictures do not compress
        # Which transaction wrote an event tells when it could be seen (chat/backends/postgresql/bus.py). Events matter
        # to running processes only, and these look at everything again after a crash.
        op.execute("ALTER TABLE events ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()")
        op.execute("CREATE INDEX ix_events_xid_id ON events (xid, id)")
        op.execute("ALTER TABLE events SET UNLOGGED")


def downgrade():
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE events SET LOGGED")
        op.execute("DROP INDEX ix_events_xid_id")
        op.execute("ALTER TABLE events DROP COLUMN xid")
        op.execute("ALTER TABLE attachment_chunks ALTER COLUMN data SET STORAGE EXTENDED")
        for table in ("rooms", "sessions"):
            op.execute(f"ALTER TABLE {table} RESET (fillfactor, autovacuum_vacuum_scale_factor)")
        op.drop_index(UNIQUE, "messages")
        op.create_unique_constraint(UNIQUE, "messages", OF_MESSAGE)
        for table, columns in KEYS.items():
            for column in columns:
                op.execute(f'ALTER TABLE {table} ALTER COLUMN {column} TYPE text COLLATE "default"')
    op.drop_index("uq_rooms_lobby", "rooms")
    op.drop_column("rooms", "rights_version")
