-- Keeps the text of running statements, and with it the tenant tokens that Sluice puts before
-- them, from those who share the application's login.
--
-- All of an application's server connections log in as one role, and each may see in
-- pg_stat_activity what the others run. A token is good for whoever has it, until it expires: with
-- dynamic SQL one tenant could take another's from there. After this only superusers and members
-- of pg_read_all_stats (pg_monitor is one) call the functions behind that view. pg_stat_ssl,
-- pg_stat_gssapi and pg_stat_replication, which use them too, are closed to others as well.
--
-- Run it as a superuser in each database of the cluster that the application's login may connect
-- to: the view shows the whole cluster. Where nobody is a superuser, or statements are not to be
-- seen by anybody: ALTER ROLE app SET track_activities = off, which the role itself can't undo.
-- Run it again after pg_stat_statements has been created, or created anew.
BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

REVOKE EXECUTE ON FUNCTION pg_stat_get_activity(integer) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pg_stat_get_backend_activity(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_stat_get_activity(integer) TO pg_read_all_stats;
GRANT EXECUTE ON FUNCTION pg_stat_get_backend_activity(integer) TO pg_read_all_stats;

-- pg_stat_statements keeps the text of SET with its value before PostgreSQL 18.
DO $$
DECLARE
  entry regprocedure;
BEGIN
  FOR entry IN SELECT oid FROM pg_proc WHERE proname = 'pg_stat_statements' LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', entry);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_read_all_stats', entry);
  END LOOP;
END $$;

COMMIT;
