"""Where a room ended when a ticket to it was issued

Revision ID: 0015
Revises: 0014
Create Date: 2026-11-28 08:50:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("room_tickets", sa.Column("since", sa.BigInteger(), nullable=True))


def downgrade():
    op.drop_column("room_tickets", "since")
