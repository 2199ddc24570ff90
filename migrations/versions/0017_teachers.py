"""Teachers, disabled accounts, one-time passwords, the site's settings, imports of rosters, join codes

Revision ID: 0017
Revises: 0016
Create Date: 2026-11-28 09:25:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade():
    for name in ("must_change_password", "is_teacher"):
        op.add_column("users", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("users", sa.Column("disabled_at", sa.BigInteger(), nullable=True))
    op.add_column("rooms", sa.Column("join_code", sa.Text(), nullable=True))
    op.create_index(op.f("ix_rooms_join_code"), "rooms", ["join_code"], unique=True)
    op.create_table(
        "site_settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_site_settings")),
    )
    op.create_table(
        "roster_imports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_imports")),
    )


def downgrade():
    op.drop_table("roster_imports")
    op.drop_table("site_settings")
    op.drop_index(op.f("ix_rooms_join_code"), table_name="rooms")
    op.drop_column("rooms", "join_code")
    for name in ("disabled_at", "is_teacher", "must_change_password"):
        op.drop_column("users", name)
