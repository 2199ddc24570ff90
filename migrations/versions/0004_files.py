"""Files

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-21 05:40:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    # In place: a batch would recreate the table without its AUTOINCREMENT.
    op.add_column("attachments", sa.Column("filename", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("attachments", sa.Column("upload_ends", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_attachments_upload_ends"), "attachments", ["upload_ends"], unique=False)


def downgrade():
    op.drop_index(op.f("ix_attachments_upload_ends"), table_name="attachments")
    op.drop_column("attachments", "upload_ends")
    op.drop_column("attachments", "filename")
