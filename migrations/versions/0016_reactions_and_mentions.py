"""Reactions and mentions

Revision ID: 0016
Revises: 0015
Create Date: 2026-11-28 09:20:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.add_column("changes", sa.Column("emoji", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("changes", sa.Column("is_on", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("messages", sa.Column("has_reactions", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("messages", sa.Column("has_mentions", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "reactions",
        sa.Column("message_id", ID, autoincrement=False, nullable=False),
        sa.Column("emoji", sa.Text(), nullable=False),
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_reactions_message_id_messages")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_reactions_user_id_users")),
        sa.PrimaryKeyConstraint("message_id", "emoji", "user_id", name=op.f("pk_reactions")),
    )
    op.create_table(
        "mentions",
        sa.Column("room_id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_mentions_room_id_rooms")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_mentions_message_id_messages")),
        sa.PrimaryKeyConstraint("room_id", "user_id", "time", name=op.f("pk_mentions")),
    )
    op.create_index("ix_mentions_message_id", "mentions", ["message_id"])


def downgrade():
    op.drop_index("ix_mentions_message_id", table_name="mentions")
    op.drop_table("mentions")
    op.drop_table("reactions")
    op.drop_column("messages", "has_mentions")
    op.drop_column("messages", "has_reactions")
    op.drop_column("changes", "is_on")
    op.drop_column("changes", "emoji")
