"""What names look like (names.skeleton), for comparison with those of teachers

Revision ID: 0021
Revises: 0020
Create Date: 2026-11-28 11:40:00

"""

import sqlalchemy as sa
from alembic import op

from chat.names import skeleton

# revision identifiers, used by Alembic.
revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

NAMES = ("username", "nickname")
BATCH = 1000


def upgrade():
    for name in NAMES:
        column = sa.Column(f"{name}_skeleton", sa.Text(), server_default=sa.text("''"), nullable=False)
        op.add_column("users", column)
    fill(op.get_bind())
    for name in NAMES:
        op.create_index(op.f(f"ix_users_{name}_skeleton"), "users", [f"{name}_skeleton"])


def fill(connection):
    """Compute the skeletons of all accounts, in batches."""
    users = sa.table("users", *map(sa.column, ["id", *NAMES, *(f"{name}_skeleton" for name in NAMES)]))
    last = 0
    while rows := connection.execute(
        sa.select(users.c.id, users.c.username, users.c.nickname)
        .where(users.c.id > last)
        .order_by(users.c.id)
        .limit(BATCH)
    ).all():
        connection.execute(
            sa.update(users)
            .where(users.c.id == sa.bindparam("key"))
            .values(username_skeleton=sa.bindparam("one"), nickname_skeleton=sa.bindparam("other")),
            [{"key": row.id, "one": skeleton(row.username), "other": skeleton(row.nickname)} for row in rows],
        )
        last = rows[-1].id


def downgrade():
    for name in NAMES:
        op.drop_index(op.f(f"ix_users_{name}_skeleton"), table_name="users")
        op.drop_column("users", f"{name}_skeleton")
