"""Which release's part a prediction played, and the action that was taken."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Take the predictions that are there as the champion's, acted on as advised."""
    op.add_column("predictions", sa.Column("role", sa.Text, nullable=False, server_default="champion"))
    op.add_column("predictions", sa.Column("action", sa.Text))
    op.add_column("predictions", sa.Column("propensity", sa.Double, nullable=False, server_default="1"))
