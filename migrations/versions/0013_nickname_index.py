"""Index of nicknames, which new usernames are compared with

Revision ID: 0013
Revises: 0012
Create Date: 2026-11-28 08:30:00

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade():
    op.create_index(op.f("ix_users_nickname_key"), "users", ["nickname_key"])


def downgrade():
    op.drop_index(op.f("ix_users_nickname_key"), table_name="users")
