#!/usr/bin/env bash
# Run once, by the image of PostgreSQL, on a new data folder: the two roles of the product, and its database theirs.
# automate_owner owns the tables (automate migrate); automate_app reads and writes rows (everything else).
# The passwords come from files; SECRETS_DIR says where they are.
set -euo pipefail
: "${SECRETS_DIR:=/run/secrets}"
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
\set owner_password \`cat "$SECRETS_DIR/owner-password"\`
\set app_password \`cat "$SECRETS_DIR/app-password"\`
CREATE ROLE automate_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE automate_app LOGIN PASSWORD :'app_password';
ALTER ROLE automate_app SET idle_in_transaction_session_timeout = '10s';
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
ALTER DATABASE :"DBNAME" OWNER TO automate_owner;
GRANT CONNECT ON DATABASE :"DBNAME" TO automate_app;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO automate_owner;
GRANT USAGE ON SCHEMA public TO automate_app;
ALTER DEFAULT PRIVILEGES FOR ROLE automate_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO automate_app;
ALTER DEFAULT PRIVILEGES FOR ROLE automate_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO automate_app;
ALTER DEFAULT PRIVILEGES FOR ROLE automate_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
SQL
