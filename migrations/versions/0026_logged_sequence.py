"""The sequence of events survives a fail-over

Revision ID: 0026
Revises: 0025
Create Date: 2026-11-28 16:20:00

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade():
    if op.get_bind().dialect.name == "postgresql":
        # 0018 made it unlogged with its table: on a promoted standby it is broken ("bad magic number in sequence").
        op.execute("ALTER SEQUENCE events_id_seq SET LOGGED")


def downgrade():
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER SEQUENCE events_id_seq SET UNLOGGED")
