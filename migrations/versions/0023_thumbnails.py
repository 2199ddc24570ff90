"""Width, height and thumbnail of pictures

Revision ID: 0023
Revises: 0022
Create Date: 2026-11-28 12:10:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("attachments", sa.Column("width", sa.Integer(), nullable=True))
    op.add_column("attachments", sa.Column("height", sa.Integer(), nullable=True))
    op.add_column("attachments", sa.Column("thumbnail", sa.LargeBinary(), nullable=True))


def downgrade():
    for name in ("thumbnail", "height", "width"):
        op.drop_column("attachments", name)
