"""Settings of rooms, muted and barred people, pins, the audit log; changes without a message

Revision ID: 0019
Revises: 0018
Create Date: 2026-11-28 11:40:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
IN_ROOM = sa.text("room_id IS NOT NULL")


def upgrade():
    op.add_column("rooms", sa.Column("settings_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("rooms", sa.Column("read_only", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("rooms", sa.Column("slow_mode", sa.Integer(), nullable=True))
    op.add_column("rooms", sa.Column("archived_at", sa.BigInteger(), nullable=True))
    op.add_column("memberships", sa.Column("muted_until", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "restrictions",
        sa.Column("room_id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("is_barred", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("muted_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_restrictions_room_id_rooms")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_restrictions_user_id_users")),
        sa.PrimaryKeyConstraint("room_id", "user_id", name=op.f("pk_restrictions")),
    )
    op.create_table(
        "pins",
        sa.Column("room_id", ID, autoincrement=False, nullable=False),
        sa.Column("message_id", ID, autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_pins_room_id_rooms")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_pins_message_id_messages")),
        sa.PrimaryKeyConstraint("room_id", "message_id", name=op.f("pk_pins")),
    )
    op.create_index(op.f("ix_pins_message_id"), "pins", ["message_id"])
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", ID, nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("room_id", ID, nullable=True),
        sa.Column("room", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("is_private", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("subject_id", ID, nullable=True),
        sa.Column("subject", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("message_id", ID, nullable=True),
        sa.Column("before", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("after", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_room_id", "audit", ["room_id", "id"], sqlite_where=IN_ROOM, postgresql_where=IN_ROOM)
    with op.batch_alter_table("changes") as changes:
        changes.alter_column("message_id", existing_type=ID, nullable=True)
        changes.alter_column("actor_id", existing_type=ID, nullable=True)
        changes.add_column(sa.Column("data", sa.Text(), server_default=sa.text("''"), nullable=False))


def downgrade():
    op.execute("DELETE FROM changes WHERE message_id IS NULL OR actor_id IS NULL OR kind = 'pinned'")
    with op.batch_alter_table("changes") as changes:
        changes.drop_column("data")
        changes.alter_column("actor_id", existing_type=ID, nullable=False)
        changes.alter_column("message_id", existing_type=ID, nullable=False)
    op.drop_index("ix_audit_room_id", "audit")
    op.drop_table("audit")
    op.drop_index(op.f("ix_pins_message_id"), "pins")
    op.drop_table("pins")
    op.drop_table("restrictions")
    op.drop_column("memberships", "muted_until")
    for name in ("archived_at", "slow_mode", "read_only", "settings_version"):
        op.drop_column("rooms", name)
