-- A role that can read the sample portfolio and nothing more. Run by the owner in the sample database.
-- psycopg2 fills in the names and the password, quoted.

ALTER ROLE {reader} WITH LOGIN PASSWORD {password} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION
    NOBYPASSRLS CONNECTION LIMIT 20;
-- These bound mistakes; the rights below are the boundary.
ALTER ROLE {reader} SET default_transaction_read_only = on;
ALTER ROLE {reader} SET statement_timeout = '60s';
ALTER ROLE {reader} SET lock_timeout = '5s';
ALTER ROLE {reader} SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE {reader} SET temp_file_limit = '1GB';

REVOKE ALL ON DATABASE {database}, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE {database} TO {reader};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {reader};
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader};

-- Large objects are the one thing that a role with SELECT only could still write.
DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
          AND (proname LIKE 'lo\_%' OR proname IN ('loread', 'lowrite'))
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
    END LOOP;
END
$$;
