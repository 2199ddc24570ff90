"""Addresses that accounts were used from, and what sessions show of themselves

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-28 02:05:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "known_addresses",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_known_addresses_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "mark", name=op.f("pk_known_addresses")),
    )
    op.create_index(op.f("ix_known_addresses_seen_at"), "known_addresses", ["seen_at"])
    for name in ("protocol", "address"):
        op.add_column("sessions", sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False))


def downgrade():
    for name in ("address", "protocol"):
        op.drop_column("sessions", name)
    op.drop_index(op.f("ix_known_addresses_seen_at"), "known_addresses")
    op.drop_table("known_addresses")
