"""Index of the audit log's rows with words of messages

Revision ID: 0020
Revises: 0019
Create Date: 2026-11-28 12:00:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

HAS_WORDS = sa.text("message_id IS NOT NULL AND (before != '' OR after != '')")


def upgrade():
    op.create_index("ix_audit_words", "audit", ["id"], sqlite_where=HAS_WORDS, postgresql_where=HAS_WORDS)


def downgrade():
    op.drop_index("ix_audit_words", "audit")
