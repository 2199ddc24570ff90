"""The files of a room by an index of their own

Revision ID: 0011
Revises: 0010
Create Date: 2026-11-28 01:50:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade():
    files = sa.text("type = 'file'")
    op.create_index(
        op.f("ix_messages_files"), "messages", ["room_id", "time"], sqlite_where=files, postgresql_where=files
    )


def downgrade():
    op.drop_index(op.f("ix_messages_files"), "messages")
