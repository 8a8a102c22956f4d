"""Run by alembic, with the connection that database.migrate() put there."""

from alembic import context

from controller.catalogue.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    # SQLite can do this; alembic takes it for one of the databases that cannot.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
