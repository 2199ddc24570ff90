"""Accounts know when their password changed

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-28 01:50:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("password_changed_at", sa.BigInteger(), server_default="0", nullable=False))


def downgrade():
    op.drop_column("users", "password_changed_at")
