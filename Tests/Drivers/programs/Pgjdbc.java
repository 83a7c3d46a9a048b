import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;

/** pgjdbc as it comes: a statement that was run five times is prepared on the server, by name. */
public class Pgjdbc {
  static final int WAIT_SECONDS = 10;
  static final int COUNT = Integer.parseInt(System.getenv().getOrDefault("WORKERS", "8"));

  interface Scenario {
    void run(Worker worker) throws Exception;
  }

  static class Worker {
    final String scenario;
    final int number;
    final String table;
    final CountDownLatch listening;
    final List<Connection> connections = new ArrayList<>();

    Worker(String scenario, int number, CountDownLatch listening) {
      this.scenario = scenario;
      this.number = number;
      this.table = "pgjdbc_" + scenario + "_" + number;
      this.listening = listening;
    }

    void say(Object... values) {
      StringBuilder text = new StringBuilder();
      for (Object value : values) {
        if (text.length() > 0) text.append(" | ");
        text.append(value instanceof byte[] bytes ? Arrays.toString(bytes) : String.valueOf(value));
      }
      write("line\t" + scenario + "\t" + number + "\t" + text.toString().replaceAll("\\s+", " "));
    }

    Connection open() throws SQLException {
      Connection connection = connect();
      connections.add(connection);
      return connection;
    }
  }

  static synchronized void write(String line) {
    System.out.println(line);
    System.out.flush();
  }

  static Connection connect() throws SQLException {
    Map<String, String> place = System.getenv();
    Properties properties = new Properties();
    properties.setProperty("user", place.get("PGUSER"));
    return DriverManager.getConnection(
        "jdbc:postgresql://" + place.get("PGHOST") + ":" + place.get("PGPORT") + "/"
            + place.get("PGDATABASE"), properties);
  }

  // What the scenarios are made of.

  static void run(Connection connection, String query) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(query);
    }
  }

  static String rows(ResultSet result) throws SQLException {
    StringBuilder text = new StringBuilder();
    while (result.next()) {
      text.append('(');
      for (int column = 1; column <= result.getMetaData().getColumnCount(); column++) {
        if (column > 1) text.append(',');
        Object value = result.getObject(column);
        text.append(value instanceof byte[] bytes ? Arrays.toString(bytes) : value);
      }
      text.append(')');
    }
    return text.toString();
  }

  static String query(Connection connection, String query, Object... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(query)) {
      for (int index = 0; index < values.length; index++) {
        statement.setObject(index + 1, values[index]);
      }
      if (statement.execute()) {
        try (ResultSet result = statement.getResultSet()) {
          return rows(result);
        }
      }
      return statement.getUpdateCount() + " rows";
    }
  }

  static void failing(Worker worker, Connection connection, String query, Object... values) {
    try {
      worker.say("no error", query(connection, query, values));
    } catch (SQLException error) {
      worker.say("error", error.getSQLState());
    }
  }

  static void makeTable(Worker worker, Connection connection, String columns) throws SQLException {
    run(connection, "DROP TABLE IF EXISTS " + worker.table);
    run(connection, "CREATE TABLE " + worker.table + " (" + columns + ")");
  }

  // The scenarios.

  static void types(Worker worker) throws Exception {
    Connection connection = worker.open();
    int n = worker.number;
    byte[] bytes = new byte[256];
    for (int index = 0; index < 256; index++) bytes[index] = (byte) index;
    String text = "SELECT ?::int4, ?::int8, ?::float8, ?::numeric, ?::text, ?::bytea,"
        + " ?::timestamptz, ?::int4[], ?::text[], ?::jsonb, ?::bool, ?::text";
    // The same statement, so that its results come in binary once it is prepared on the server.
    try (PreparedStatement statement = connection.prepareStatement(text)) {
      for (int turn = 0; turn < 15; turn++) {
        statement.setInt(1, turn - n);
        statement.setLong(2, (1L << 40) + n);
        statement.setDouble(3, turn / 7.0 + n);
        statement.setBigDecimal(4, new BigDecimal("12345678901234567890.12"));
        statement.setString(5, "text " + n + " \u00fc \u20ac ' \\");
        statement.setBytes(6, bytes);
        statement.setObject(7, OffsetDateTime.parse("2024-02-29T12:30:00.123456Z"));
        statement.setArray(8, connection.createArrayOf("int4", new Integer[] {1, n, null}));
        statement.setArray(9, connection.createArrayOf("text", new String[] {"a", "b,c", null}));
        statement.setString(10, "{\"a\": [1, null]}");
        statement.setBoolean(11, n % 2 == 0);
        statement.setNull(12, Types.VARCHAR);
        try (ResultSet result = statement.executeQuery()) {
          worker.say(rows(result));
        }
      }
    }
  }

  static void repeated(Worker worker) throws Exception {
    Connection connection = worker.open();
    makeTable(worker, connection, "id int PRIMARY KEY, t text");
    for (int number = 0; number < 30; number++) {
      query(connection, "INSERT INTO " + worker.table + " VALUES (?, ?)", number, "row " + number);
    }
    for (int number = 0; number < 30; number++) {
      worker.say(query(connection, "SELECT id, t FROM " + worker.table + " WHERE id = ?", number));
      worker.say(query(connection, "SELECT ?::int + 1", number + worker.number));
    }
    connection.setAutoCommit(false);
    for (int number = 0; number < 30; number++) {
      worker.say(query(connection, "SELECT ?::int + 1", number));
      worker.say(
          query(connection, "SELECT count(*) FROM " + worker.table + " WHERE id < ?", number));
      if (number % 2 == 0) connection.commit();
      else connection.rollback();
    }
    connection.setAutoCommit(true);
    // The same statement with other types is another one on the server.
    try (PreparedStatement statement = connection.prepareStatement("SELECT ?")) {
      for (int number = 0; number < 30; number++) {
        if (number % 10 < 7) statement.setInt(1, number);
        else statement.setString(1, "text " + number);
        try (ResultSet result = statement.executeQuery()) {
          worker.say(rows(result));
        }
      }
    }
  }

  static void transaction(Worker worker) throws Exception {
    Connection connection = worker.open();
    makeTable(worker, connection, "v int");
    connection.setAutoCommit(false);
    String count = "SELECT count(*), sum(v) FROM " + worker.table;
    for (int turn = 0; turn < 10; turn++) {
      for (int number = 0; number < 5; number++) {
        query(connection, "INSERT INTO " + worker.table + " VALUES (?)", turn * 10 + number);
      }
      worker.say(query(connection, count));
      if (turn % 2 == 1) connection.commit();
      else connection.rollback();
      worker.say(query(connection, count));
      connection.commit();
    }
  }

  static void savepoint(Worker worker) throws Exception {
    Connection connection = worker.open();
    makeTable(worker, connection, "v int UNIQUE");
    connection.setAutoCommit(false);
    String insert = "INSERT INTO " + worker.table + " VALUES (?)";
    for (int turn = 0; turn < 10; turn++) {
      query(connection, insert, turn);
      Savepoint savepoint = connection.setSavepoint();
      failing(worker, connection, insert, turn);
      connection.rollback(savepoint);
      query(connection, insert, 100 + turn);
      connection.releaseSavepoint(savepoint);
      connection.commit();
      worker.say(query(connection, "SELECT v FROM " + worker.table + " ORDER BY v"));
      connection.commit();
    }
  }

  static void errors(Worker worker) throws Exception {
    Connection connection = worker.open();
    makeTable(worker, connection, "v int UNIQUE");
    String insert = "INSERT INTO " + worker.table + " VALUES (?)";
    for (int turn = 0; turn < 10; turn++) {
      connection.setAutoCommit(false);
      query(connection, insert, turn);
      failing(worker, connection, "SELECT 1 / ?::int", 0);
      failing(worker, connection, "SELECT ?::int", 1);
      connection.rollback();
      worker.say(query(connection, "SELECT count(*) FROM " + worker.table));
      connection.commit();
      connection.setAutoCommit(true);
      failing(worker, connection, "SELECT nothing FROM nowhere");
      failing(worker, connection, "SELECT 1 / ?::int", 0);
      failing(worker, connection, "THIS IS NO SQL");
      failing(worker, connection, insert, 1000 + turn / 2);
      run(connection, "DELETE FROM " + worker.table + " WHERE v < 1000");
      worker.say(query(connection, "SELECT ?::int + 1", turn));
    }
  }

  static void batch(Worker worker) throws Exception {
    Connection connection = worker.open();
    makeTable(worker, connection, "v int UNIQUE, t text");
    connection.setAutoCommit(false);
    String insert = "INSERT INTO " + worker.table + " (v, t) VALUES (?, ?)";
    for (int turn = 0; turn < 8; turn++) {
      try (PreparedStatement statement = connection.prepareStatement(insert)) {
        for (int number = 0; number < 300; number++) {
          // Every other turn has a row that is there already.
          statement.setInt(1, turn * 1000 + (turn % 2 == 1 && number == 200 ? 7 : number));
          statement.setString(2, "row " + number);
          statement.addBatch();
        }
        worker.say(Arrays.stream(statement.executeBatch()).sum());
        connection.commit();
      } catch (BatchUpdateException error) {
        worker.say("error", error.getSQLState());
        connection.rollback();
      }
      try (PreparedStatement statement = connection.prepareStatement(
          insert, Statement.RETURN_GENERATED_KEYS)) {
        for (int number = 0; number < 20; number++) {
          statement.setInt(1, 500_000 + turn * 100 + number);
          statement.setString(2, "key");
          statement.addBatch();
        }
        statement.executeBatch();
        worker.say(rows(statement.getGeneratedKeys()));
      }
      connection.commit();
      worker.say(query(connection, "SELECT count(*), sum(v) FROM " + worker.table));
      connection.commit();
    }
  }

  static void copy(Worker worker) throws Exception {
    Connection connection = worker.open();
    makeTable(worker, connection, "v int, t text");
    CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
    String in = "COPY " + worker.table + " FROM STDIN";
    for (int turn = 0; turn < 5; turn++) {
      StringBuilder text = new StringBuilder();
      for (int row = 0; row < 300; row++) {
        text.append(turn * 1000 + row).append("\trow ").append(row).append('\n');
      }
      worker.say(copies.copyIn(in, new StringReader(text.toString())));
      try {
        copies.copyIn(in, new StringReader("not a number\tx\n"));
      } catch (SQLException error) {
        worker.say("error", error.getSQLState());
      }
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      worker.say(copies.copyOut("COPY (SELECT * FROM " + worker.table + ") TO STDOUT", out));
      worker.say(out.size());
    }
  }

  static void cursor(Worker worker) throws Exception {
    Connection connection = worker.open();
    connection.setAutoCommit(false);
    for (int turn = 0; turn < 10; turn++) {
      try (PreparedStatement statement = connection.prepareStatement(
          "SELECT g * ?::int FROM generate_series(1, 50) g")) {
        // Within a transaction this is a portal, which is executed seven rows at a time.
        statement.setFetchSize(7);
        statement.setInt(1, worker.number + 1);
        try (ResultSet result = statement.executeQuery()) {
          if (turn % 3 == 2) worker.say(result.next(), result.getInt(1));
          else worker.say(rows(result));
        }
      }
      if (turn % 2 == 1) connection.commit();
      else connection.rollback();
    }
  }

  static void settings(Worker worker) throws Exception {
    Connection connection = worker.open();
    int n = worker.number;
    String time = "SELECT to_char('2024-01-01 12:00+00'::timestamptz, 'HH24:MI')";
    worker.say(query(connection, "SHOW statement_timeout"));
    connection.setSchema("s" + n);
    run(connection, "SET statement_timeout TO '" + (30_000 + n) + "ms'");
    run(connection, "SET TIME ZONE 'Etc/GMT+" + n + "'");
    for (int turn = 0; turn < 20; turn++) {
      worker.say(query(connection, "SELECT name FROM who"));
      worker.say(query(connection, "SHOW statement_timeout"), connection.getSchema());
      worker.say(query(connection, time));
    }
    run(connection, "RESET search_path");
    failing(worker, connection, "SELECT name FROM who");
    run(connection, "RESET ALL");
    worker.say(query(connection, "SHOW statement_timeout"));
    makeTable(worker, connection, "v int");
    connection.setReadOnly(true);
    connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
    for (int turn = 0; turn < 10; turn++) {
      connection.setAutoCommit(turn % 2 == 0);
      worker.say(query(connection, "SHOW transaction_isolation"));
      failing(worker, connection, "INSERT INTO " + worker.table + " VALUES (1)");
      if (turn % 2 == 1) connection.rollback();
    }
  }

  static void prepare(Worker worker) throws Exception {
    Connection connection = worker.open();
    run(connection, "PREPARE q (int) AS SELECT 'worker " + worker.number + "', $1 * 2");
    for (int turn = 0; turn < 20; turn++) worker.say(query(connection, "EXECUTE q(21)"));
    run(connection, "DEALLOCATE q");
    failing(worker, connection, "EXECUTE q(1)");
    // It notices DEALLOCATE ALL, and prepares its own statements again.
    for (int turn = 0; turn < 20; turn++) {
      worker.say(query(connection, "SELECT ?::int + 1", turn));
      if (turn % 9 == 8) run(connection, "DEALLOCATE ALL");
    }
  }

  static void alter(Worker worker) throws Exception {
    Connection connection = worker.open();
    makeTable(worker, connection, "v int");
    run(connection, "INSERT INTO " + worker.table + " VALUES (1)");
    for (int turn = 0; turn < 4; turn++) {
      for (int use = 0; use < 12; use++) {
        worker.say(patiently(connection, "SELECT * FROM " + worker.table + " WHERE v = ?", 1));
      }
      run(connection, "ALTER TABLE " + worker.table + " ADD COLUMN c" + turn + " int DEFAULT 5");
    }
  }

  static String patiently(Connection connection, String query, Object... values)
      throws SQLException {
    for (int tries = 0; ; tries++) {
      try {
        return query(connection, query, values);
      } catch (SQLException error) {
        if (tries == 5 || !"0A000".equals(error.getSQLState())) throw error;
      }
    }
  }

  static void temporary(Worker worker) throws Exception {
    Connection connection = worker.open();
    run(connection, "CREATE TEMPORARY TABLE mine (v int)");
    for (int turn = 0; turn < 12; turn++) {
      worker.say(query(connection, "INSERT INTO mine VALUES (?)", worker.number * 100 + turn));
      worker.say(query(connection, "SELECT count(*), sum(v) FROM mine"));
    }
    run(connection, "DROP TABLE mine");
    failing(worker, connection, "SELECT count(*) FROM mine");
  }

  static void advisory(Worker worker) throws Exception {
    Connection connection = worker.open();
    int key = 10_000 + worker.number;
    for (int turn = 0; turn < 6; turn++) {
      query(connection, "SELECT pg_advisory_lock(?)", key);
      for (int use = 0; use < 4; use++) {
        worker.say(query(connection, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            + " AND objid = ?::int8::oid AND pid = pg_backend_pid()", key));
      }
      worker.say(query(connection, "SELECT pg_advisory_unlock(?)", key));
    }
  }

  static void notify(Worker worker) throws Exception {
    Connection connection = worker.open();
    if (worker.number == 0) {
      run(connection, "LISTEN pgjdbc_channel");
      worker.listening.countDown();
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_SECONDS);
      for (int count = 0; count < 3 && System.nanoTime() < deadline; ) {
        PGNotification[] found = connection.unwrap(PGConnection.class).getNotifications(500);
        for (PGNotification one : found == null ? new PGNotification[0] : found) {
          worker.say(one.getName(), one.getParameter());
          count++;
        }
      }
      run(connection, "UNLISTEN *");
      return;
    }
    if (worker.number == 1) {
      worker.listening.await(WAIT_SECONDS, TimeUnit.SECONDS);
      for (int number = 0; number < 3; number++) {
        run(connection, "NOTIFY pgjdbc_channel, 'message " + number + "'");
      }
    }
    for (int number = 0; number < 30; number++) {
      worker.say(query(connection, "SELECT ?::int + 1", number));
    }
  }

  static void cancel(Worker worker) throws Exception {
    Connection connection = worker.open();
    for (int turn = 0; turn < 2; turn++) {
      try (Statement statement = connection.createStatement()) {
        CountDownLatch ended = new CountDownLatch(1);
        Thread canceller = new Thread(() -> {
          try {
            // Again if the first one came too early.
            for (int milliseconds : new int[] {500, 3000, 3000}) {
              if (ended.await(milliseconds, TimeUnit.MILLISECONDS)) return;
              statement.cancel();
            }
          } catch (SQLException | InterruptedException error) {
            worker.say("unexpected: " + error);
          }
        });
        canceller.start();
        try {
          statement.execute("SELECT pg_sleep(20)");
          worker.say("no error");
        } catch (SQLException error) {
          worker.say("error", error.getSQLState());
        }
        ended.countDown();
        canceller.join();
      }
      // Its own way to have a time limit is a cancel request too.
      try (Statement statement = connection.createStatement()) {
        statement.setQueryTimeout(1);
        statement.execute("SELECT pg_sleep(20)");
        worker.say("no error");
      } catch (SQLException error) {
        worker.say("error", error.getSQLState());
      }
      worker.say(query(connection, "SELECT ?::int + 1", turn));
    }
  }

  static void disconnect(Worker worker) throws Exception {
    Connection first = worker.open();
    makeTable(worker, first, "v int, t text");
    query(first, "INSERT INTO " + worker.table + " VALUES (1, 'old')");
    for (int turn = 0; turn < 5; turn++) {
      Connection leaving = connect();
      leaving.setAutoCommit(false);
      query(leaving, "UPDATE " + worker.table + " SET t = ?", "lost");
      if (turn % 2 == 0) leaving.abort(Runnable::run);
      else leaving.close();
      // Waits for the row's lock until the transaction that was left is rolled back.
      query(first, "UPDATE " + worker.table + " SET t = t || ?", " " + turn);
      worker.say(query(first, "SELECT * FROM " + worker.table));
    }
  }

  // Running them.

  static void work(Scenario scenario, Worker worker) {
    try {
      scenario.run(worker);
      worker.say("done");
    } catch (Exception error) {
      String state = error instanceof SQLException known ? known.getSQLState() + " " : "";
      worker.say("unexpected: " + state + error);
    }
    for (Connection connection : worker.connections) {
      try {
        connection.close();
      } catch (SQLException error) {
        worker.say("unexpected: " + error);
      }
    }
  }

  public static void main(String[] names) throws Exception {
    Map<String, Scenario> scenarios = new TreeMap<>();
    scenarios.put("types", Pgjdbc::types);
    scenarios.put("repeated", Pgjdbc::repeated);
    scenarios.put("transaction", Pgjdbc::transaction);
    scenarios.put("savepoint", Pgjdbc::savepoint);
    scenarios.put("error", Pgjdbc::errors);
    scenarios.put("batch", Pgjdbc::batch);
    scenarios.put("copy", Pgjdbc::copy);
    scenarios.put("cursor", Pgjdbc::cursor);
    scenarios.put("settings", Pgjdbc::settings);
    scenarios.put("prepare", Pgjdbc::prepare);
    scenarios.put("alter", Pgjdbc::alter);
    scenarios.put("temporary", Pgjdbc::temporary);
    scenarios.put("advisory", Pgjdbc::advisory);
    scenarios.put("notify", Pgjdbc::notify);
    scenarios.put("cancel", Pgjdbc::cancel);
    scenarios.put("disconnect", Pgjdbc::disconnect);
    write("version\t" + DriverManager.getDriver("jdbc:postgresql:x").getClass().getPackage()
        .getImplementationVersion());
    for (String name : names) {
      CountDownLatch listening = new CountDownLatch(1);
      List<Thread> threads = new ArrayList<>();
      for (int number = 0; number < COUNT; number++) {
        Worker worker = new Worker(name, number, listening);
        threads.add(new Thread(() -> work(scenarios.get(name), worker)));
      }
      for (Thread thread : threads) thread.start();
      for (Thread thread : threads) thread.join();
      write("end\t" + name);
    }
  }
}
