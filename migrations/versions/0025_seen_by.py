"""Whether a room shows the readers of messages

Revision ID: 0025
Revises: 0024
Create Date: 2026-11-28 14:50:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("rooms", sa.Column("seen_by", sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade():
    op.drop_column("rooms", "seen_by")
