"""Bytes that each person has stored, whose an upload is, and an index to find deleted rooms by

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-28 02:30:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade():
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "stored_bytes",
        sa.Column("user_id", number, autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("bytes", number, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_stored_bytes_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_stored_bytes")),
    )
    op.add_column("attachments", sa.Column("uploader_id", number, nullable=True))
    there = sa.text("deleted_at IS NOT NULL")
    op.create_index("ix_rooms_deleted", "rooms", ["deleted_at"], sqlite_where=there, postgresql_where=there)


def downgrade():
    op.drop_index("ix_rooms_deleted", "rooms")
    op.drop_column("attachments", "uploader_id")
    op.drop_table("stored_bytes")
