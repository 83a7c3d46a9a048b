// libpq: prepared statements, pipelines, single-row mode, COPY, cursors and cancel requests.

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS_LIMIT = 64, WAIT_SECONDS = 10 };

typedef struct {
  const char *scenario;
  int number;
  char table[64];
  PGconn *connection;
} Worker;

static int worker_count = 8;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t listening_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t listening_changed = PTHREAD_COND_INITIALIZER;
static bool listening;

static void say(Worker *worker, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(Worker *worker, const char *format, ...) {
  char text[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  for (char *c = text; *c; c++) {
    if (*c == '\n' || *c == '\t') *c = ' ';
  }
  pthread_mutex_lock(&output);
  printf("line\t%s\t%d\t%s\n", worker->scenario, worker->number, text);
  fflush(stdout);
  pthread_mutex_unlock(&output);
}

static PGconn *connect_one(Worker *worker) {
  PGconn *connection = PQconnectdb("");
  if (PQstatus(connection) != CONNECTION_OK) {
    say(worker, "unexpected: %s", PQerrorMessage(connection));
  }
  return connection;
}

// Says the whole result: its rows, or what the command did, or the error's SQLSTATE.
static void say_result(Worker *worker, PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE) {
    char text[3000];
    size_t used = 0;
    text[0] = 0;
    for (int row = 0; row < PQntuples(result); row++) {
      for (int column = 0; column < PQnfields(result); column++) {
        const char *value =
            PQgetisnull(result, row, column) ? "NULL" : PQgetvalue(result, row, column);
        if (used < sizeof text) {
          used += snprintf(text + used, sizeof text - used, "%s%s", column ? "," : " ", value);
        }
      }
    }
    say(worker, "%s%s", PQresStatus(status), text);
  } else if (status == PGRES_FATAL_ERROR) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state) {
      say(worker, "error %s", state);
    } else {
      say(worker, "unexpected: %s", PQresultErrorMessage(result));
    }
  } else {
    say(worker, "%s %s", PQresStatus(status), PQcmdStatus(result));
  }
  PQclear(result);
}

static void say_query(Worker *worker, const char *query) {
  say_result(worker, PQexec(worker->connection, query));
}

// Runs what must not fail.
static void run(Worker *worker, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void run(Worker *worker, const char *format, ...) {
  char query[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(query, sizeof query, format, arguments);
  va_end(arguments);
  PGresult *result = PQexec(worker->connection, query);
  ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    say(worker, "unexpected: %s: %s", query, PQresultErrorMessage(result));
  }
  PQclear(result);
}

static void make_table(Worker *worker, const char *columns) {
  run(worker, "SET client_min_messages TO warning");
  run(worker, "DROP TABLE IF EXISTS %s", worker->table);
  run(worker, "CREATE TABLE %s (%s)", worker->table, columns);
}

static const char *number_text(char text[32], int number) {
  snprintf(text, 32, "%d", number);
  return text;
}

static PGresult *with_number(Worker *worker, const char *query, int number) {
  char text[32];
  const char *values[] = {number_text(text, number)};
  return PQexecParams(worker->connection, query, 1, NULL, values, NULL, NULL, 0);
}

static void prepare(Worker *worker, const char *name, const char *query) {
  PGresult *result = PQprepare(worker->connection, name, query, 0, NULL);
  if (PQresultStatus(result) != PGRES_COMMAND_OK) say_result(worker, result);
  else PQclear(result);
}

static PGresult *execute(Worker *worker, const char *name, int number) {
  char text[32];
  const char *values[] = {number_text(text, number)};
  return PQexecPrepared(worker->connection, name, 1, values, NULL, NULL, 0);
}

// The scenarios.

static void types(Worker *worker) {
  const char *values[] = {
      "-17", "1234567890123", "0.1", "12345678901234567890.12", "text \xc3\xbc ' \\", "\\x00ff10",
      "2024-02-29 12:30:00.123456+00", "{1,2,NULL}", "{a,\"b,c\"}", "{\"a\": [1, null]}", "t",
      NULL};
  const char *query =
      "SELECT $1::int4, $2::int8, $3::float8, $4::numeric, $5::text, $6::bytea, $7::timestamptz,"
      " $8::int4[], $9::text[], $10::jsonb, $11::bool, $12::text";
  for (int turn = 0; turn < 12; turn++) {
    say_result(
        worker, PQexecParams(worker->connection, query, 12, NULL, values, NULL, NULL, 0));
    PGresult *result = PQexecParams(worker->connection, query, 12, NULL, values, NULL, NULL, 1);
    int bytes = 0;
    for (int column = 0; column < PQnfields(result); column++) {
      for (int index = 0; index < PQgetlength(result, 0, column); index++) {
        bytes = bytes * 31 + (unsigned char)PQgetvalue(result, 0, column)[index];
        bytes %= 1000003;
      }
    }
    say(worker, "binary %d", bytes);
    PQclear(result);
  }
}

static void repeated(Worker *worker) {
  make_table(worker, "id int PRIMARY KEY, v int");
  char insert[128], select[128];
  snprintf(insert, sizeof insert, "INSERT INTO %s VALUES ($1, $1::int * 2)", worker->table);
  snprintf(select, sizeof select, "SELECT * FROM %s WHERE id = $1", worker->table);
  // The same names in all workers, for different statements.
  prepare(worker, "insert", insert);
  prepare(worker, "select", select);
  prepare(worker, "", "SELECT $1::int + 100");
  for (int number = 0; number < 30; number++) say_result(worker, execute(worker, "insert", number));
  for (int number = 0; number < 30; number++) {
    say_result(worker, execute(worker, "select", number));
    say_result(worker, with_number(worker, "SELECT $1::int + 1", worker->number));
  }
  PGresult *described = PQdescribePrepared(worker->connection, "select");
  say(worker, "%d parameters, %d columns", PQnparams(described), PQnfields(described));
  PQclear(described);
  prepare(worker, "", "SELECT $1::int + 100");
  for (int number = 0; number < 10; number++) say_result(worker, execute(worker, "", number));
  // A name that is taken.
  say_result(worker, PQprepare(worker->connection, "select", "SELECT 1", 0, NULL));
  run(worker, "DEALLOCATE \"select\"");
  say_result(worker, execute(worker, "select", 1));
  prepare(worker, "select", "SELECT $1::int + 7");
  for (int number = 0; number < 10; number++) {
    say_result(worker, execute(worker, "select", worker->number));
  }
}

static void transaction(Worker *worker) {
  make_table(worker, "v int");
  char query[128];
  snprintf(query, sizeof query, "INSERT INTO %s VALUES ($1)", worker->table);
  prepare(worker, "insert", query);
  snprintf(query, sizeof query, "SELECT count(*), sum(v) FROM %s", worker->table);
  for (int turn = 0; turn < 10; turn++) {
    run(worker, "BEGIN");
    for (int number = 0; number < 5; number++) {
      say_result(worker, execute(worker, "insert", turn * 10 + number));
    }
    say_query(worker, query);
    run(worker, turn % 2 ? "COMMIT" : "ROLLBACK");
    say_query(worker, query);
  }
}

static void savepoint(Worker *worker) {
  make_table(worker, "v int UNIQUE");
  char insert[128], select[128];
  snprintf(insert, sizeof insert, "INSERT INTO %s VALUES ($1)", worker->table);
  snprintf(select, sizeof select, "SELECT v FROM %s ORDER BY v", worker->table);
  prepare(worker, "insert", insert);
  for (int turn = 0; turn < 8; turn++) {
    run(worker, "BEGIN");
    say_result(worker, execute(worker, "insert", turn));
    run(worker, "SAVEPOINT one");
    say_result(worker, execute(worker, "insert", turn));
    run(worker, "ROLLBACK TO one");
    say_result(worker, execute(worker, "insert", 100 + turn));
    run(worker, "RELEASE one");
    run(worker, "COMMIT");
    say_query(worker, select);
  }
}

static void errors(Worker *worker) {
  prepare(worker, "divide", "SELECT 10 / $1::int");
  for (int turn = 0; turn < 8; turn++) {
    run(worker, "BEGIN");
    say_result(worker, execute(worker, "divide", 5));
    say_result(worker, execute(worker, "divide", 0));
    say_result(worker, execute(worker, "divide", 5));
    say_query(worker, "COMMIT");
    say_result(worker, execute(worker, "divide", 2));
    say_query(worker, "SELECT nothing FROM nowhere");
    say_query(worker, "THIS IS NO SQL");
    say_query(worker, "SELECT 1; SELECT 1 / 0; SELECT 2");
    say_result(worker, PQprepare(worker->connection, "broken", "SELECT nowhere", 0, NULL));
    say_result(worker, execute(worker, "broken", 1));
    say_result(worker, execute(worker, "never", 1));
    say_query(worker, "");
  }
}

// Sends a prepared statement's execution within a pipeline.
static void send_number(Worker *worker, const char *name, int number) {
  char text[32];
  const char *values[] = {number_text(text, number)};
  if (!PQsendQueryPrepared(worker->connection, name, 1, values, NULL, NULL, 0)) {
    say(worker, "unexpected: %s", PQerrorMessage(worker->connection));
  }
}

// Reads results until so many Syncs were answered.
static void drain(Worker *worker, int syncs) {
  int nothing = 0;
  while (syncs > 0 && nothing < 3) {
    PGresult *result = PQgetResult(worker->connection);
    if (!result) {
      // Between two queries there is one of these; more mean that nothing is left.
      nothing++;
      continue;
    }
    nothing = 0;
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) syncs--;
    say_result(worker, result);
  }
  if (syncs > 0) say(worker, "unexpected: %d syncs are missing", syncs);
}

static void pipeline(Worker *worker) {
  make_table(worker, "v int");
  char query[128];
  snprintf(query, sizeof query, "INSERT INTO %s VALUES ($1) RETURNING v", worker->table);
  for (int turn = 0; turn < 6; turn++) {
    PQenterPipelineMode(worker->connection);
    if (turn == 0) {
      PQsendPrepare(worker->connection, "insert", query, 0, NULL);
      PQsendPrepare(worker->connection, "divide", "SELECT 10 / $1::int", 0, NULL);
    }
    for (int number = 0; number < 5; number++) send_number(worker, "insert", number);
    PQpipelineSync(worker->connection);
    // An error: what follows up to the Sync is skipped, and the insert before it undone.
    send_number(worker, "insert", 1000);
    send_number(worker, "divide", 0);
    send_number(worker, "insert", 2000);
    PQpipelineSync(worker->connection);
    // A transaction over several Syncs.
    PQsendQueryParams(worker->connection, "BEGIN", 0, NULL, NULL, NULL, NULL, 0);
    PQpipelineSync(worker->connection);
    send_number(worker, "insert", 50 + turn);
    PQpipelineSync(worker->connection);
    PQsendQueryParams(worker->connection, "COMMIT", 0, NULL, NULL, NULL, NULL, 0);
    PQpipelineSync(worker->connection);
    drain(worker, 5);
    // An answer that is asked for before the Sync.
    send_number(worker, "divide", 5);
    PQsendFlushRequest(worker->connection);
    PQflush(worker->connection);
    PGresult *result;
    while ((result = PQgetResult(worker->connection))) say_result(worker, result);
    send_number(worker, "divide", 2);
    PQpipelineSync(worker->connection);
    drain(worker, 1);
    if (!PQexitPipelineMode(worker->connection)) {
      say(worker, "unexpected: %s", PQerrorMessage(worker->connection));
    }
    snprintf(query, sizeof query, "SELECT count(*), sum(v) FROM %s", worker->table);
    say_query(worker, query);
  }
}

static void single_row(Worker *worker) {
  prepare(worker, "series", "SELECT 60 / (20 - g) FROM generate_series(1, $1::int) g");
  for (int turn = 0; turn < 6; turn++) {
    // The second half breaks off with an error after some rows.
    send_number(worker, "series", turn < 3 ? 15 : 25);
    PQsetSingleRowMode(worker->connection);
    PGresult *result;
    while ((result = PQgetResult(worker->connection))) say_result(worker, result);
    say_query(worker, "SELECT 'goes on'");
  }
}

static void copy(Worker *worker) {
  make_table(worker, "v int, t text");
  char query[128];
  PGresult *result;
  for (int turn = 0; turn < 6; turn++) {
    snprintf(query, sizeof query, "COPY %s FROM STDIN", worker->table);
    say_query(worker, query);
    for (int row = 0; row < 300; row++) {
      char line[64];
      int length = snprintf(line, sizeof line, "%d\trow %d\n", turn * 1000 + row, row);
      PQputCopyData(worker->connection, line, length);
    }
    // Every third is given up, and every other third has a line that is no number.
    if (turn % 3 == 2) PQputCopyData(worker->connection, "x\ty\n", 4);
    PQputCopyEnd(worker->connection, turn % 3 == 1 ? "given up" : NULL);
    while ((result = PQgetResult(worker->connection))) say_result(worker, result);
    snprintf(query, sizeof query, "COPY (SELECT * FROM %s) TO STDOUT", worker->table);
    say_query(worker, query);
    char *line;
    int length, bytes = 0;
    while ((length = PQgetCopyData(worker->connection, &line, 0)) > 0) {
      bytes += length;
      PQfreemem(line);
    }
    say(worker, "%d bytes", bytes);
    while ((result = PQgetResult(worker->connection))) say_result(worker, result);
  }
}

static void cursor(Worker *worker) {
  for (int turn = 0; turn < 4; turn++) {
    run(worker, "BEGIN");
    run(worker, "DECLARE mine CURSOR FOR SELECT g * %d FROM generate_series(1, 50) g",
        worker->number + 1);
    if (turn == 0) prepare(worker, "fetch", "FETCH 7 FROM mine");
    for (int fetch = 0; fetch < 9; fetch++) {
      say_result(worker, PQexecPrepared(
          worker->connection, "fetch", 0, NULL, NULL, NULL, 0));
    }
    PGresult *described = PQdescribePortal(worker->connection, "mine");
    say(worker, "%d columns", PQnfields(described));
    PQclear(described);
    run(worker, turn % 2 ? "COMMIT" : "ROLLBACK");
  }
}

static void settings(Worker *worker) {
  say_query(worker, "SHOW statement_timeout");
  run(worker, "SET search_path TO s%d, public", worker->number);
  run(worker, "SET statement_timeout TO '%dms'", 30000 + worker->number);
  run(worker, "SET TIME ZONE 'Etc/GMT+%d'", worker->number);
  prepare(worker, "who", "SELECT name FROM who");
  for (int turn = 0; turn < 20; turn++) {
    say_query(worker, "SELECT name FROM who");
    say_result(worker, PQexecPrepared(worker->connection, "who", 0, NULL, NULL, NULL, 0));
    say_query(worker, "SHOW statement_timeout");
    say_query(worker, "SELECT to_char('2024-01-01 12:00+00'::timestamptz, 'HH24:MI')");
    say(worker, "%s", PQparameterStatus(worker->connection, "TimeZone"));
  }
  run(worker, "RESET search_path");
  say_query(worker, "SELECT name FROM who");
  run(worker, "RESET ALL");
  say_query(worker, "SHOW statement_timeout");
  say_query(worker, "SHOW timezone");
}

static void sql_prepare(Worker *worker) {
  run(worker, "PREPARE q (int) AS SELECT 'worker %d', $1 * 2", worker->number);
  for (int turn = 0; turn < 10; turn++) {
    say_query(worker, "EXECUTE q(21)");
    // What SQL has prepared can be run by the protocol, and the other way round.
    say_result(worker, execute(worker, "q", turn));
  }
  prepare(worker, "p", "SELECT $1::int * 3");
  for (int turn = 0; turn < 10; turn++) say_query(worker, "EXECUTE p(5)");
  run(worker, "DEALLOCATE q");
  say_query(worker, "EXECUTE q(1)");
  say_result(worker, execute(worker, "p", 1));
  run(worker, "DEALLOCATE ALL");
  say_result(worker, execute(worker, "p", 1));
  prepare(worker, "p", "SELECT $1::int * 4");
  say_result(worker, execute(worker, "p", 1));
  run(worker, "DISCARD ALL");
  say_result(worker, execute(worker, "p", 1));
}

static void alter(Worker *worker) {
  make_table(worker, "v int");
  run(worker, "INSERT INTO %s VALUES (1)", worker->table);
  char query[128];
  snprintf(query, sizeof query, "SELECT * FROM %s WHERE v = $1", worker->table);
  prepare(worker, "star", query);
  for (int turn = 0; turn < 4; turn++) {
    for (int use = 0; use < 10; use++) {
      PGresult *result = execute(worker, "star", 1);
      const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      // The application's answer to a stale plan: prepare it again.
      for (int tries = 0; state && strcmp(state, "0A000") == 0 && tries < 5; tries++) {
        PQclear(result);
        run(worker, "DEALLOCATE star");
        prepare(worker, "star", query);
        result = execute(worker, "star", 1);
        state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      }
      say_result(worker, result);
    }
    run(worker, "ALTER TABLE %s ADD COLUMN c%d int DEFAULT 5", worker->table, turn);
  }
}

static void temporary(Worker *worker) {
  run(worker, "CREATE TEMPORARY TABLE mine (v int)");
  prepare(worker, "insert", "INSERT INTO mine VALUES ($1)");
  for (int turn = 0; turn < 12; turn++) {
    say_result(worker, execute(worker, "insert", worker->number * 100 + turn));
    say_query(worker, "SELECT count(*), sum(v) FROM mine");
  }
  run(worker, "DROP TABLE mine");
  say_query(worker, "SELECT count(*) FROM mine");
}

static void advisory(Worker *worker) {
  char held[256];
  snprintf(held, sizeof held,
           "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %d"
           " AND pid = pg_backend_pid()", 9000 + worker->number);
  for (int turn = 0; turn < 6; turn++) {
    run(worker, "SELECT pg_advisory_lock(%d)", 9000 + worker->number);
    for (int use = 0; use < 4; use++) say_query(worker, held);
    say_result(
        worker, with_number(worker, "SELECT pg_advisory_unlock($1)", 9000 + worker->number));
  }
}

// Whether the socket had something to read in time.
static bool readable(PGconn *connection, int milliseconds) {
  struct pollfd descriptor = {.fd = PQsocket(connection), .events = POLLIN};
  return poll(&descriptor, 1, milliseconds) > 0;
}

static void listen_for_three(Worker *worker) {
  run(worker, "LISTEN libpq_channel");
  pthread_mutex_lock(&listening_lock);
  listening = true;
  pthread_cond_broadcast(&listening_changed);
  pthread_mutex_unlock(&listening_lock);
  time_t deadline = time(NULL) + WAIT_SECONDS;
  for (int count = 0; count < 3 && time(NULL) < deadline;) {
    if (readable(worker->connection, 200)) PQconsumeInput(worker->connection);
    PGnotify *notify;
    while ((notify = PQnotifies(worker->connection))) {
      say(worker, "%s: %s", notify->relname, notify->extra);
      PQfreemem(notify);
      count++;
    }
  }
  run(worker, "UNLISTEN *");
}

static void notify(Worker *worker) {
  if (worker->number == 0) {
    listen_for_three(worker);
    return;
  }
  if (worker->number == 1) {
    struct timespec deadline = {.tv_sec = time(NULL) + WAIT_SECONDS};
    pthread_mutex_lock(&listening_lock);
    while (!listening) {
      if (pthread_cond_timedwait(&listening_changed, &listening_lock, &deadline) == ETIMEDOUT) {
        break;
      }
    }
    pthread_mutex_unlock(&listening_lock);
    for (int number = 0; number < 3; number++) {
      run(worker, "NOTIFY libpq_channel, 'message %d'", number);
    }
  }
  for (int number = 0; number < 30; number++) {
    say_result(worker, with_number(worker, "SELECT $1::int + 1", number));
  }
}

static void cancel(Worker *worker) {
  for (int turn = 0; turn < 2; turn++) {
    PQsendQuery(worker->connection, "SELECT pg_sleep(20)");
    for (int tries = 0; tries < 3; tries++) {
      // Again if the first one came too early.
      if (readable(worker->connection, tries ? 3000 : 500)) break;
      char message[256] = "";
      PGcancel *request = PQgetCancel(worker->connection);
      if (!PQcancel(request, message, sizeof message)) say(worker, "unexpected: %s", message);
      PQfreeCancel(request);
    }
    PGresult *result;
    while ((result = PQgetResult(worker->connection))) say_result(worker, result);
    say_query(worker, "SELECT 'goes on'");
  }
}

static void disconnect(Worker *worker) {
  make_table(worker, "v int, t text");
  run(worker, "INSERT INTO %s VALUES (1, 'old')", worker->table);
  PGconn *staying = worker->connection;
  char query[128];
  snprintf(query, sizeof query, "SELECT * FROM %s ORDER BY v", worker->table);
  for (int turn = 0; turn < 6; turn++) {
    worker->connection = connect_one(worker);
    run(worker, "BEGIN");
    run(worker, "UPDATE %s SET t = 'lost'", worker->table);
    // One goes within a transaction, one within a query, and one says that it goes.
    if (turn % 3 == 1) PQsendQuery(worker->connection, "SELECT pg_sleep(0.2)");
    if (turn % 3 != 2) shutdown(PQsocket(worker->connection), SHUT_RDWR);
    PQfinish(worker->connection);
    worker->connection = staying;
    // Waits for the row's lock until the transaction that was left is rolled back.
    run(worker, "UPDATE %s SET t = t || ' %d'", worker->table, turn);
    say_query(worker, query);
  }
}

// Running them.

typedef struct {
  const char *name;
  void (*run)(Worker *);
} Scenario;

static const Scenario scenarios[] = {
    {"types", types}, {"repeated", repeated}, {"transaction", transaction},
    {"savepoint", savepoint}, {"error", errors}, {"pipeline", pipeline},
    {"singlerow", single_row}, {"copy", copy}, {"cursor", cursor}, {"settings", settings},
    {"prepare", sql_prepare}, {"alter", alter}, {"temporary", temporary}, {"advisory", advisory},
    {"notify", notify}, {"cancel", cancel}, {"disconnect", disconnect},
};

static void *work(void *argument) {
  Worker *worker = argument;
  for (size_t index = 0; index < sizeof scenarios / sizeof *scenarios; index++) {
    if (strcmp(scenarios[index].name, worker->scenario) != 0) continue;
    worker->connection = connect_one(worker);
    if (PQstatus(worker->connection) == CONNECTION_OK) scenarios[index].run(worker);
    PQfinish(worker->connection);
    say(worker, "done");
  }
  return NULL;
}

int main(int count, char **arguments) {
  const char *wanted = getenv("WORKERS");
  if (wanted) worker_count = atoi(wanted);
  if (worker_count < 2 || worker_count > WORKERS_LIMIT) return 2;
  int version = PQlibVersion();
  printf("version\t%d.%d\n", version / 10000, version % 10000);
  for (int index = 1; index < count; index++) {
    Worker workers[WORKERS_LIMIT] = {0};
    pthread_t threads[WORKERS_LIMIT];
    listening = false;
    for (int number = 0; number < worker_count; number++) {
      workers[number].scenario = arguments[index];
      workers[number].number = number;
      snprintf(
          workers[number].table, sizeof workers[number].table, "libpq_%s_%d", arguments[index],
          number);
      pthread_create(&threads[number], NULL, work, &workers[number]);
    }
    for (int number = 0; number < worker_count; number++) pthread_join(threads[number], NULL);
    printf("end\t%s\n", arguments[index]);
    fflush(stdout);
  }
  return 0;
}
