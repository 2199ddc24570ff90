"""The program that a session was opened with, for teachers

Revision ID: 0024
Revises: 0023
Create Date: 2026-11-28 12:35:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("sessions", sa.Column("program", sa.Text(), server_default=sa.text("''"), nullable=False))


def downgrade():
    op.drop_column("sessions", "program")
