"""Index the texts of messages for search

Revision ID: 0022
Revises: 0021
Create Date: 2026-11-28 11:30:00

"""

from alembic import op
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

# revision identifiers, used by Alembic.
revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# A migration that rebuilds the table "messages" on SQLite has to create the triggers again.
SQLITE = (
    "CREATE VIRTUAL TABLE message_search USING"
    " fts5(content, content='', tokenize='trigram', detail='none', columnsize=0)",
    # Messages up to indexed_to are in the index, later ones not yet. is_stale: it has traces of texts that are gone.
    "CREATE TABLE message_search_state (indexed_to INTEGER NOT NULL, is_stale INTEGER NOT NULL)",
    "INSERT INTO message_search_state SELECT coalesce(max(id), 0), 0 FROM messages",
    "INSERT INTO message_search (rowid, content) SELECT id, content FROM messages WHERE content <> ''",
    """
    CREATE TRIGGER message_search_edited AFTER UPDATE OF content ON messages
    WHEN old.content <> new.content AND old.id <= (SELECT indexed_to FROM message_search_state)
    BEGIN
        INSERT INTO message_search (message_search, rowid, content)
            SELECT 'delete', old.id, old.content WHERE old.content <> '';
        INSERT INTO message_search (rowid, content) SELECT new.id, new.content WHERE new.content <> '';
        UPDATE message_search_state SET is_stale = 1;
    END
    """,
    """
    CREATE TRIGGER message_search_deleted AFTER DELETE ON messages
    WHEN old.content <> '' AND old.id <= (SELECT indexed_to FROM message_search_state)
    BEGIN
        INSERT INTO message_search (message_search, rowid, content) VALUES ('delete', old.id, old.content);
        UPDATE message_search_state SET is_stale = 1;
    END
    """,
)
INDEX = "ix_messages_content_trigrams"


def upgrade():
    if op.get_bind().dialect.name == "postgresql":
        _create_extension()
        op.execute(f"CREATE INDEX {INDEX} ON messages USING gin (content gin_trgm_ops)")
        return
    for statement in SQLITE:
        op.execute(statement)


def _create_extension():
    try:
        with op.get_bind().begin_nested():
            op.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except DBAPIError as error:
        raise CommandError(
            "search needs PostgreSQL's extension pg_trgm, which this user may not create or this server does not have"
            f" ({str(error.orig).splitlines()[0]}): install the server's contrib package, and have the database's"
            " owner or an administrator run: CREATE EXTENSION pg_trgm"
        ) from None


def downgrade():
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP INDEX {INDEX}")  # the extension stays: others may use it
        return
    for name in ("message_search_deleted", "message_search_edited"):
        op.execute(f"DROP TRIGGER {name}")
    op.execute("DROP TABLE message_search_state")
    op.execute("DROP TABLE message_search")
