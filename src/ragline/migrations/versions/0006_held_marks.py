"""Held chunks are marked, which tells one noting from the next.

A column with a default is added, nothing else, so that processes of the version before go on
working beside new ones.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "held_chunks", sa.Column("mark", sa.BigInteger(), server_default="0", nullable=False)
    )
