"""Login names of erased accounts stay taken

Revision ID: 0027
Revises: 0026
Create Date: 2026-11-28 18:40:00

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "erased_names",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_erased_names")),
    )


def downgrade():
    op.drop_table("erased_names")
