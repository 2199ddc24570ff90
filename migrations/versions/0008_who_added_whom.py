"""Who put a member into a room, and indexes to count the rooms one owns or was put into

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-28 01:50:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade():
    # Existing members count as having joined by themselves, so that nobody loses access.
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("memberships", sa.Column("added_by_id", number, nullable=True))
    for name, condition in (("owned", "role = 'owner'"), ("added", "added_by_id IS NOT NULL")):
        there = sa.text(condition)
        op.create_index(
            f"ix_memberships_{name}", "memberships", ["user_id"], sqlite_where=there, postgresql_where=there
        )


def downgrade():
    op.drop_index("ix_memberships_added", "memberships")
    op.drop_index("ix_memberships_owned", "memberships")
    op.drop_column("memberships", "added_by_id")
