"""Columns and tables for protocols that address rooms by id: descriptions, times of change, tickets

Revision ID: 0002 Revises: 0001 Create Date: 2026-11-22 09:12:44.105218
"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    # Not in batches: these copy the table, and what refers to it stands in the way of dropping the old one.
    op.add_column("rooms", sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False))
    for table in ("rooms", "users"):
        op.add_column(table, sa.Column("updated_at", sa.BigInteger(), server_default="0", nullable=False))
        known = sa.table(table, sa.column("created_at"), sa.column("updated_at"))
        op.execute(known.update().values(updated_at=known.c.created_at))
    op.create_table(
        "room_tickets",
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_room_tickets_room_id_rooms")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_room_tickets_session_id_sessions"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_room_tickets_user_id_users")),
        sa.PrimaryKeyConstraint("secret", name=op.f("pk_room_tickets")),
    )
    op.create_index(op.f("ix_room_tickets_expires_at"), "room_tickets", ["expires_at"])
    op.create_index(op.f("ix_room_tickets_session_id"), "room_tickets", ["session_id"])


def downgrade():
    op.drop_table("room_tickets")
    op.drop_column("users", "updated_at")
    op.drop_column("rooms", "updated_at")
    op.drop_column("rooms", "description")
