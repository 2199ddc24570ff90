"""A send writes to fewer indexes

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-21 07:50:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade():
    op.drop_index(op.f("ix_events_written_at"), "events")
    op.drop_index(op.f("ix_messages_attachment_id"), "messages")
    there = sa.text("attachment_id IS NOT NULL")
    op.create_index(
        op.f("ix_messages_attachment_id"), "messages", ["attachment_id"], sqlite_where=there, postgresql_where=there
    )


def downgrade():
    op.drop_index(op.f("ix_messages_attachment_id"), "messages")
    op.create_index(op.f("ix_messages_attachment_id"), "messages", ["attachment_id"])
    op.create_index(op.f("ix_events_written_at"), "events", ["written_at"])
