# Ruby's pg: exec_params, prepare and exec_prepared, pipelines, COPY and single-row mode.

require "pg"
require "timeout"

WAIT_SECONDS = 10
COUNT = Integer(ENV.fetch("WORKERS", "8"))
OUTPUT = Mutex.new

def write(*fields)
  OUTPUT.synchronize do
    $stdout.write(fields.join("\t") + "\n")
    $stdout.flush
  end
end

class Worker
  attr_reader :scenario, :number, :table, :listening

  def initialize(scenario, number, listening)
    @scenario = scenario
    @number = number
    @listening = listening
    @table = "ruby_#{scenario}_#{number}"
    @connections = []
  end

  def say(*values)
    text = values.map { |value| value.is_a?(String) ? value : value.inspect }.join(" | ")
    write("line", scenario, number, text.gsub(/\s+/, " "))
  end

  def open
    connection = connect
    @connections << connection
    connection
  end

  def connect
    connection = PG.connect
    connection.set_notice_receiver { |_| }
    connection
  end

  def close
    @connections.each { |connection| connection.finish unless connection.finished? }
  end

  def failing
    say("no error", yield)
  rescue PG::Error => error
    say("error", state(error))
  end

  def state(error)
    error.result&.error_field(PG::PG_DIAG_SQLSTATE) || error.class.name
  end

  def make_table(connection, columns)
    connection.exec("DROP TABLE IF EXISTS #{table}")
    connection.exec("CREATE TABLE #{table} (#{columns})")
  end

  # The scenarios.

  def types
    connection = open
    connection.type_map_for_results = PG::BasicTypeMapForResults.new(connection)
    bytes = { value: (0..255).to_a.pack("C*"), format: 1 }
    12.times do |turn|
      values = [
        turn - number, 2**40 + number, 0.1 * turn, "12345678901234567890.12", "text ü € \\ '",
        bytes,
        "2024-02-29 12:30:00.123456+00", "{1,#{number},NULL}", "{a,\"b,c\",NULL}",
        '{"a": [1, null]}', number.even?, nil]
      result = connection.exec_params(
        "SELECT $1::int4, $2::int8, $3::float8, $4::numeric::text, $5::text, $6::bytea," \
        " $7::timestamptz::text, $8::int4[], $9::text[], $10::jsonb, $11::bool, $12::text", values)
      say(result.values)
    end
  end

  def repeated
    connection = open
    make_table(connection, "id int PRIMARY KEY, t text")
    # The same names in all workers, for different statements.
    connection.prepare("insert", "INSERT INTO #{table} VALUES ($1, $2)")
    connection.prepare("select", "SELECT id, t FROM #{table} WHERE id = $1")
    30.times { |turn| connection.exec_prepared("insert", [turn, "row #{turn}"]) }
    30.times do |turn|
      say(connection.exec_prepared("select", [turn]).values)
      say(connection.exec_params("SELECT $1::int + 1", [turn + number]).values)
    end
    say(connection.describe_prepared("select").fields)
    connection.exec('DEALLOCATE "select"')
    failing { connection.exec_prepared("select", [1]).values }
    connection.prepare("select", "SELECT $1::int + #{number}")
    connection.transaction do
      30.times { |turn| say(connection.exec_prepared("select", [turn]).values) }
    end
  end

  def transaction
    connection = open
    make_table(connection, "v int")
    connection.prepare("insert", "INSERT INTO #{table} VALUES ($1)")
    10.times do |turn|
      begin
        connection.transaction do
          5.times { |row| connection.exec_prepared("insert", [turn * 10 + row]) }
          say(connection.exec("SELECT count(*), sum(v) FROM #{table}").values)
          raise ArgumentError if turn.odd?
        end
      rescue ArgumentError
        nil
      end
      say(connection.exec("SELECT count(*), sum(v) FROM #{table}").values)
    end
  end

  def savepoint
    connection = open
    make_table(connection, "v int UNIQUE")
    connection.prepare("insert", "INSERT INTO #{table} VALUES ($1)")
    8.times do |turn|
      connection.exec("BEGIN")
      connection.exec_prepared("insert", [turn])
      connection.exec("SAVEPOINT one")
      failing { connection.exec_prepared("insert", [turn]).values }
      connection.exec("ROLLBACK TO one")
      connection.exec_prepared("insert", [100 + turn])
      connection.exec("RELEASE one")
      connection.exec("COMMIT")
      say(connection.exec("SELECT v FROM #{table} ORDER BY v").values)
    end
  end

  def error
    connection = open
    connection.prepare("divide", "SELECT 10 / $1::int")
    8.times do
      connection.exec("BEGIN")
      [5, 0, 5].each { |by| failing { connection.exec_prepared("divide", [by]).values } }
      connection.exec("ROLLBACK")
      failing { connection.exec_prepared("divide", [2]).values }
      failing { connection.exec("SELECT nothing FROM nowhere").values }
      failing { connection.exec("SELECT 1; SELECT 1 / 0; SELECT 2").values }
      failing { connection.prepare("broken", "SELECT nowhere") }
      failing { connection.exec_prepared("broken").values }
    end
  end

  def batch
    connection = open
    make_table(connection, "v int")
    connection.prepare("insert", "INSERT INTO #{table} VALUES ($1)")
    4.times do |turn|
      connection.enter_pipeline_mode
      40.times { |row| connection.send_query_prepared("insert", [turn * 100 + row]) }
      connection.pipeline_sync
      40.times { connection.get_result.check && connection.get_result }
      say(connection.get_result.result_status == PG::PGRES_PIPELINE_SYNC)
      connection.exit_pipeline_mode
      say(connection.exec("SELECT count(*), sum(v) FROM #{table}").values)
    end
  end

  def pipeline
    connection = open
    make_table(connection, "v int")
    connection.prepare("insert", "INSERT INTO #{table} VALUES ($1) RETURNING v")
    6.times do |turn|
      connection.enter_pipeline_mode
      2.times { |row| connection.send_query_prepared("insert", [turn + row]) }
      connection.pipeline_sync
      connection.send_query_prepared("insert", [1_000])
      connection.send_query_params("SELECT 1 / $1::int", [0])
      connection.send_query_prepared("insert", [2_000])
      connection.pipeline_sync
      connection.send_query_prepared("insert", [50])
      connection.pipeline_sync
      drain(connection, 3)
      connection.exit_pipeline_mode
      say(connection.exec("SELECT count(*), sum(v) FROM #{table}").values)
    end
  end

  def drain(connection, syncs)
    nothing = 0
    while syncs.positive? && nothing < 3
      result = connection.get_result
      nothing = result ? 0 : nothing + 1
      next unless result
      syncs -= 1 if result.result_status == PG::PGRES_PIPELINE_SYNC
      say(result.res_status(result.result_status), result.values,
        result.error_field(PG::PG_DIAG_SQLSTATE))
    end
    say("unexpected: #{syncs} syncs are missing") if syncs.positive?
  end

  def copy
    connection = open
    make_table(connection, "v int, t text")
    5.times do |turn|
      connection.copy_data("COPY #{table} FROM STDIN") do
        300.times { |row| connection.put_copy_data("#{turn * 1000 + row}\trow #{row}\n") }
      end
      failing do
        connection.copy_data("COPY #{table} FROM STDIN") do
          connection.put_copy_data("not a number\tx\n")
        end
      end
      begin
        connection.copy_data("COPY #{table} FROM STDIN") { raise ArgumentError, "given up" }
      rescue ArgumentError => error
        say(error.message)
      end
      bytes = 0
      connection.copy_data("COPY (SELECT * FROM #{table}) TO STDOUT") do
        while (line = connection.get_copy_data)
          bytes += line.bytesize
        end
      end
      say(bytes)
    end
  end

  def cursor
    connection = open
    4.times do
      connection.transaction do
        connection.exec_params(
          "DECLARE mine CURSOR FOR SELECT g * $1::int FROM generate_series(1, 50) g", [number + 1])
        9.times { say(connection.exec_params("FETCH 7 FROM mine", []).values) }
      end
      # Without a cursor: rows one by one as they come.
      connection.send_query("SELECT g FROM generate_series(1, 30) g")
      connection.set_single_row_mode
      say(connection.get_result.stream_each_row.to_a)
    end
  end

  def settings
    connection = open
    say(connection.exec("SHOW statement_timeout").values)
    connection.exec("SET search_path TO s#{number}, public")
    connection.exec("SET statement_timeout TO '#{30_000 + number}ms'")
    connection.exec("SET TIME ZONE 'Etc/GMT+#{number}'")
    connection.prepare("who", "SELECT name FROM who")
    20.times do
      say(connection.exec_prepared("who").values)
      say(connection.exec("SHOW statement_timeout").values)
      say(connection.exec(
        "SELECT to_char('2024-01-01 12:00+00'::timestamptz, 'HH24:MI')").values)
      say(connection.parameter_status("TimeZone"))
    end
    connection.exec("RESET search_path")
    failing { connection.exec("SELECT name FROM who").values }
    connection.exec("RESET ALL")
    say(connection.exec("SHOW statement_timeout").values)
  end

  def prepare
    connection = open
    connection.exec("PREPARE q (int) AS SELECT 'worker #{number}', $1 * 2")
    10.times do |turn|
      say(connection.exec("EXECUTE q(#{turn})").values)
      say(connection.exec_prepared("q", [turn]).values)
    end
    connection.exec("DEALLOCATE q")
    failing { connection.exec("EXECUTE q(1)").values }
  end

  def alter
    connection = open
    make_table(connection, "v int")
    connection.exec("INSERT INTO #{table} VALUES (1)")
    query = "SELECT * FROM #{table} WHERE v = $1"
    connection.prepare("star", query)
    4.times do |turn|
      10.times do
        tries = 0
        begin
          say(connection.exec_prepared("star", [1]).values)
        rescue PG::FeatureNotSupported
          # The application's answer to a stale plan: prepare it again.
          raise if (tries += 1) > 5
          connection.exec("DEALLOCATE star")
          connection.prepare("star", query)
          retry
        end
      end
      connection.exec("ALTER TABLE #{table} ADD COLUMN c#{turn} int DEFAULT 5")
    end
  end

  def temporary
    connection = open
    connection.exec("CREATE TEMPORARY TABLE mine (v int)")
    12.times do |turn|
      connection.exec_params("INSERT INTO mine VALUES ($1)", [number * 100 + turn])
      say(connection.exec("SELECT count(*), sum(v) FROM mine").values)
    end
    connection.exec("DROP TABLE mine")
    failing { connection.exec("SELECT count(*) FROM mine").values }
  end

  def advisory
    connection = open
    key = 13_000 + number
    6.times do
      connection.exec_params("SELECT pg_advisory_lock($1)", [key])
      4.times do
        say(connection.exec_params(
          "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1::int8::oid" \
          " AND pid = pg_backend_pid()", [key]).values)
      end
      say(connection.exec_params("SELECT pg_advisory_unlock($1)", [key]).values)
    end
  end

  def notify
    connection = open
    if number.zero?
      connection.exec("LISTEN ruby_channel")
      listening << true
      3.times do
        connection.wait_for_notify(WAIT_SECONDS) { |channel, _, payload| say(channel, payload) }
      end
      connection.exec("UNLISTEN *")
      return
    end
    if number == 1
      Timeout.timeout(WAIT_SECONDS) { listening.pop }
      3.times { |turn| connection.exec("NOTIFY ruby_channel, 'message #{turn}'") }
    end
    30.times { |turn| say(connection.exec_params("SELECT $1::int + 1", [turn]).values) }
  end

  def cancel
    connection = open
    2.times do |turn|
      connection.send_query("SELECT pg_sleep(20)")
      [0.5, 3, 3].each do |seconds|
        # Again if the first one came too early.
        break if connection.block(seconds)
        connection.cancel
      end
      failing { connection.get_last_result.values }
      say(connection.exec_params("SELECT $1::int + 1", [turn]).values)
    end
  end

  def disconnect
    first = open
    make_table(first, "v int, t text")
    first.exec("INSERT INTO #{table} VALUES (1, 'old')")
    5.times do |turn|
      leaving = connect
      leaving.exec("BEGIN")
      leaving.exec("UPDATE #{table} SET t = 'lost'")
      leaving.socket_io.shutdown(Socket::SHUT_RDWR) if turn.even?
      leaving.finish
      # Waits for the row's lock until the transaction that was left is rolled back.
      first.exec_params("UPDATE #{table} SET t = t || $1", [" #{turn}"])
      say(first.exec("SELECT * FROM #{table}").values)
    end
  end

  def work
    public_send(scenario)
    say("done")
  rescue StandardError => error
    say("unexpected: #{error.class} #{error.message.lines.first}")
  ensure
    close
  end
end

require "socket"
write("version", PG::VERSION)
ARGV.each do |name|
  listening = Queue.new
  COUNT.times.map { |number| Thread.new { Worker.new(name, number, listening).work } }.each(&:join)
  write("end", name)
end
