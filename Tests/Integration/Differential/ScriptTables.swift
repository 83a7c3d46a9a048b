/// The tables that scripts work on: a schema for each client, and one that all read.
enum ScriptTables {
  /// Makes what is not there. Owned by `app`, who plays the scripts.
  static func make(clients: Int) -> String {
    """
    SET client_min_messages = error;
    CREATE SCHEMA IF NOT EXISTS diff_shared;
    GRANT USAGE ON SCHEMA diff_shared TO app;
    CREATE TABLE IF NOT EXISTS diff_shared.r AS
      SELECT id, 'label ' || id AS label FROM generate_series(0, 99) id;
    CREATE TABLE IF NOT EXISTS diff_shared.t AS SELECT 1 AS id, 'shared' AS v;
    GRANT SELECT ON ALL TABLES IN SCHEMA diff_shared TO app;
    DO $do$
    BEGIN
      FOR client IN 0..\(clients) LOOP
        CONTINUE WHEN to_regclass(format('diff_%s.numbers', client)) IS NOT NULL;
        EXECUTE format('CREATE SCHEMA diff_%s AUTHORIZATION app', client);
        EXECUTE format('SET LOCAL search_path = diff_%s', client);
        SET LOCAL ROLE app;
        CREATE TABLE t (
          id int PRIMARY KEY, v text, n numeric DEFAULT 0, x int DEFAULT 0 CHECK (x >= 0));
        CREATE TABLE log (id serial PRIMARY KEY, note text);
        CREATE TABLE child (
          id int, parent int REFERENCES t ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
        CREATE TABLE copied (a int, b text);
        CREATE TABLE altered (a int, b int);
        CREATE SEQUENCE numbers;
        RESET ROLE;
      END LOOP;
    END $do$;
    """
  }

  /// Brings one client's tables back to where they began. Only what is altered is made anew: to
  /// make tables takes longer than to play a script.
  static func reset(_ schema: String, _ kinds: Set<TrafficKind>) -> String {
    var sql = """
      TRUNCATE \(schema).copied;
      DELETE FROM \(schema).child; DELETE FROM \(schema).t; DELETE FROM \(schema).log;
      INSERT INTO \(schema).t SELECT g, '\(schema) ' || g, g, g FROM generate_series(1, 8) g;
      SELECT setval('\(schema).numbers', 1, false), setval('\(schema).log_id_seq', 1, false);

      """
    if kinds.contains(.alteredTable) {
      sql += """
        DROP TABLE \(schema).altered; SET ROLE app; CREATE TABLE \(schema).altered (a int, b int);
        INSERT INTO \(schema).altered VALUES (1, 1); RESET ROLE;

        """
    }
    return sql
  }
}
