"""Changes as entries of a room's timeline; edited messages

Revision ID: 0014
Revises: 0013
Create Date: 2026-11-28 08:30:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("rooms", sa.Column("change_time", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("messages", sa.Column("edited_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "changes",
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("before", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_changes_room_id_rooms")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_changes_message_id_messages")),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_changes_actor_id_users")),
        sa.PrimaryKeyConstraint("room_id", "time", name=op.f("pk_changes")),
    )
    op.create_index("ix_changes_message_id", "changes", ["message_id"])


def downgrade():
    op.drop_index("ix_changes_message_id", table_name="changes")
    op.drop_table("changes")
    op.drop_column("messages", "edited_at")
    op.drop_column("rooms", "change_time")
