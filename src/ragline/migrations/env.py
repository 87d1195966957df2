"""What Alembic runs: our tables on the connection that `run.migrate` hands over."""

from alembic import context

from ragline.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite alters tables by building them anew.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
