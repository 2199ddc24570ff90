"""Friends, groups of friends, announcements, invitations; deleted messages; what ims shows of accounts and rooms

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-21 05:35:11.091885

"""

import sqlalchemy as sa
from alembic import op

from chat.names import name_key

# revision identifiers, used by Alembic.
revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "announcements",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sender_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_announcements_room_id_rooms")),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name=op.f("fk_announcements_sender_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_announcements_room_id"), "announcements", ["room_id"], unique=False)

    op.create_table(
        "friend_groups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_friend_groups_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_friend_groups")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_friend_groups_owner_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "friend_requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sender_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("receiver_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["receiver_id"], ["users.id"], name=op.f("fk_friend_requests_receiver_id_users")),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name=op.f("fk_friend_requests_sender_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_friend_requests")),
        sa.UniqueConstraint("sender_id", "receiver_id", name=op.f("uq_friend_requests_sender_id_receiver_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_friend_requests_receiver_id"), "friend_requests", ["receiver_id"], unique=False)

    op.create_table(
        "friendships",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("low_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("high_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("low_id < high_id", name=op.f("ck_friendships_one_row_a_pair")),
        sa.ForeignKeyConstraint(["high_id"], ["users.id"], name=op.f("fk_friendships_high_id_users")),
        sa.ForeignKeyConstraint(["low_id"], ["users.id"], name=op.f("fk_friendships_low_id_users")),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_friendships_room_id_rooms")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_friendships")),
        sa.UniqueConstraint("low_id", "high_id", name=op.f("uq_friendships_low_id_high_id")),
        sa.UniqueConstraint("room_id", name=op.f("uq_friendships_room_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_friendships_high_id"), "friendships", ["high_id"], unique=False)

    op.create_table(
        "invitations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sender_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("receiver_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["receiver_id"], ["users.id"], name=op.f("fk_invitations_receiver_id_users")),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_invitations_room_id_rooms")),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name=op.f("fk_invitations_sender_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_invitations_room_id"), "invitations", ["room_id"], unique=False)
    op.create_index(
        "uq_invitations_waiting",
        "invitations",
        ["room_id", "receiver_id"],
        unique=True,
        sqlite_where=sa.text("status = 0"),
        postgresql_where=sa.text("status = 0"),
    )

    op.create_table(
        "friend_group_members",
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["friend_groups.id"], name=op.f("fk_friend_group_members_group_id_friend_groups")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_friend_group_members_user_id_users")),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_friend_group_members")),
    )
    # Not in batches: see 0002.
    op.add_column("memberships", sa.Column("is_pinned", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("memberships", sa.Column("may_remind", sa.Boolean(), server_default=sa.true(), nullable=False))

    op.add_column("messages", sa.Column("deleted_at", sa.BigInteger(), nullable=True))
    there = sa.text("reply_to_id IS NOT NULL")
    op.create_index(
        op.f("ix_messages_reply_to_id"), "messages", ["reply_to_id"], sqlite_where=there, postgresql_where=there
    )

    op.add_column("rooms", sa.Column("avatar", sa.Text(), server_default=sa.text("''"), nullable=False))

    op.add_column("users", sa.Column("nickname_key", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("users", sa.Column("email_key", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("profile", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_index(op.f("ix_users_email_key"), "users", ["email_key"], unique=True)
    users = sa.table("users", sa.column("id"), sa.column("nickname"), sa.column("nickname_key"))
    connection = op.get_bind()
    for user_id, nickname in connection.execute(sa.select(users.c.id, users.c.nickname)).all():
        connection.execute(users.update().where(users.c.id == user_id).values(nickname_key=name_key(nickname)))


def downgrade():
    op.drop_index(op.f("ix_users_email_key"), "users")
    op.drop_column("users", "profile")
    op.drop_column("users", "email_key")
    op.drop_column("users", "nickname_key")

    op.drop_column("rooms", "avatar")

    # Without the column they would show again, empty.
    messages = sa.table("messages", sa.column("id"), sa.column("reply_to_id"), sa.column("deleted_at"))
    deleted = sa.select(messages.c.id).where(messages.c.deleted_at.is_not(None))
    op.execute(messages.update().where(messages.c.reply_to_id.in_(deleted)).values(reply_to_id=None))
    op.execute(messages.delete().where(messages.c.deleted_at.is_not(None)))
    op.drop_index(op.f("ix_messages_reply_to_id"), "messages")
    op.drop_column("messages", "deleted_at")

    op.drop_column("memberships", "may_remind")
    op.drop_column("memberships", "is_pinned")

    op.drop_table("friend_group_members")
    op.drop_index(
        "uq_invitations_waiting",
        "invitations",
        sqlite_where=sa.text("status = 0"),
        postgresql_where=sa.text("status = 0"),
    )
    op.drop_index(op.f("ix_invitations_room_id"), "invitations")

    op.drop_table("invitations")
    op.drop_index(op.f("ix_friendships_high_id"), "friendships")

    op.drop_table("friendships")
    op.drop_index(op.f("ix_friend_requests_receiver_id"), "friend_requests")

    op.drop_table("friend_requests")
    op.drop_table("friend_groups")
    op.drop_index(op.f("ix_announcements_room_id"), "announcements")

    op.drop_table("announcements")
