"""Predictions of any task: outputs besides the score, and no threshold where none decides."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Let the threshold be unknown, and give the predictions that are there no further outputs."""
    with op.batch_alter_table("predictions") as batch:
        batch.add_column(sa.Column("outputs", sa.Text, nullable=False, server_default="{}"))
        batch.alter_column("threshold", existing_type=sa.Double(), nullable=True)
