"""Where a room ended when a ticket to it was issued

Revision ID: 0014
Revises: 0013
Create Date: 2026-11-28 08:50:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("room_tickets", sa.Column("since", sa.BigInteger(), nullable=True))


def downgrade():
    op.drop_column("room_tickets", "since")
