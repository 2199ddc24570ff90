"""Signals and visits

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-21 04:40:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    # In place: a batch would recreate the table without its AUTOINCREMENT.
    op.add_column("events", sa.Column("data", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_table(
        "processes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("alive_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    op.create_table(
        "visits",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["process_id"], ["processes.id"], name=op.f("fk_visits_process_id_processes")),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_visits_room_id_rooms")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_visits_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("visits", schema=None) as batch_op:
        batch_op.create_index("ix_visits_room_id_user_id", ["room_id", "user_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_visits_process_id"), ["process_id"], unique=False)


def downgrade():
    op.drop_table("visits")
    op.drop_table("processes")
    op.drop_column("events", "data")
