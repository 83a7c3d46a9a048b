import TestSupport

/// Settings of a session: what is set, and how it shows.
extension Traffic {
  private struct Setting {
    let name: String
    let values: [String]
    /// Something whose result depends on it.
    let effect: String
  }

  /// What Sluice tracks in any configuration.
  private static let tracked = [
    Setting(
      name: "DateStyle", values: ["'German'", "'SQL, DMY'", "'ISO, MDY'", "'Postgres'"],
      effect: "SELECT date '2024-12-31', timestamp '2024-02-01 03:04:05'"),
    Setting(
      name: "TimeZone", values: ["'Asia/Tokyo'", "'UTC'", "'Europe/Berlin'", "-3"],
      effect: "SELECT timestamptz '2024-07-01 12:00:00+00'"),
    Setting(
      name: "standard_conforming_strings", values: ["on", "off"],
      effect: #"SELECT length('a\\b')"#),
    Setting(
      name: "client_encoding", values: ["'UTF8'", "'LATIN1'"], effect: "SELECT chr(228)"),
    Setting(
      name: "application_name", values: ["'one'", "'it''s two'", "''"],
      effect: "SELECT current_setting('application_name')"),
    Setting(
      name: "IntervalStyle", values: ["iso_8601", "postgres", "sql_standard"],
      effect: "SELECT interval '1 day 2 hours'"),
  ]

  private mutating func untracked() -> Setting {
    random.pick([
      Setting(name: "work_mem", values: ["'5MB'", "'6MB'", "'7MB'"], effect: "SELECT 'none'"),
      Setting(
        name: "search_path", values: [schema, "'diff_shared'", "\(schema), pg_catalog", "''"],
        effect: "SELECT * FROM t ORDER BY id"),
      Setting(
        name: "statement_timeout", values: ["'1h'", "'2h'", "0"], effect: "SELECT pg_sleep(0)"),
      Setting(
        name: "app.x", values: ["'tenant \(client)'", "'it''s'", "''"],
        effect: "SELECT coalesce(current_setting('app.x', true), '')"),
      Setting(
        name: "extra_float_digits", values: ["0", "-3", "1"],
        effect: "SELECT 0.1::float8 + 0.2::float8, 1 / 3::float8"),
      Setting(
        name: "bytea_output", values: ["hex", "escape"], effect: #"SELECT '\x0141'::bytea"#),
      Setting(
        name: "client_min_messages", values: ["error", "notice", "warning"],
        effect: "DO $$ BEGIN RAISE NOTICE 'maybe'; END $$"),
      Setting(
        name: "default_transaction_isolation", values: ["'repeatable read'", "'read committed'"],
        effect: "SHOW transaction_isolation"),
    ])
  }

  private mutating func any() -> Setting {
    random.chance(40) ? random.pick(Self.tracked) : untracked()
  }

  private mutating func set(_ setting: Setting, _ scope: String = "SET") {
    let separator = random.pick([" = ", " TO "])
    run("\(scope) \(setting.name)\(separator)\(random.pick(setting.values))")
  }

  private mutating func observe(_ setting: Setting) {
    if random.chance(70) { run(setting.effect) }
    // A custom setting that was never set cannot be shown.
    if random.chance(50), setting.name != "app.x" { run("SHOW \(setting.name)") }
  }

  mutating func trackedSetting() {
    let setting = random.pick(Self.tracked)
    set(setting, random.pick(["SET", "SET SESSION"]))
    observe(setting)
    observe(random.pick(Self.tracked))
  }

  mutating func trackedSettingInTransaction() {
    inTransaction(random.pick(Self.tracked))
  }

  mutating func setting() {
    let setting = any()
    if random.chance(15) {
      query(
        random.pick(["SET work_mem = 'words'", "SET nothing = 1", "SET TimeZone = 'No/Where'"]))
    }
    set(setting, random.pick(["SET", "SET SESSION"]))
    observe(setting)
    observe(any())
  }

  mutating func settingInTransaction() { inTransaction(any()) }

  private mutating func inTransaction(_ setting: Setting) {
    run("BEGIN")
    set(setting)
    if random.chance(30) { query("SAVEPOINT s") }
    observe(setting)
    if random.chance(30) { set(setting) }
    if random.chance(20) { query("ROLLBACK TO s") }
    if random.chance(20) { query(badSQL()) }
    run(random.pick(["COMMIT", "COMMIT", "ROLLBACK"]))
    observe(setting)
  }

  mutating func setConfig() {
    let setting = any()
    let value = random.pick(setting.values)
    let quoted = value.hasPrefix("'") ? value : "'\(value)'"
    let isLocal = random.chance(30)
    run("SELECT set_config('\(setting.name)', \(quoted), \(isLocal))")
    observe(setting)
  }

  mutating func setLocal() {
    let setting = any()
    // Outside of a transaction it warns and does nothing.
    if random.chance(20) { return set(setting, "SET LOCAL") }
    run("BEGIN")
    set(setting, "SET LOCAL")
    observe(setting)
    if random.chance(20) { query(badSQL()) }
    run(random.pick(["COMMIT", "ROLLBACK", "COMMIT AND CHAIN"]))
    observe(setting)
    query("ROLLBACK")
  }

  mutating func resetSetting() {
    let setting = any()
    run(
      random.pick([
        "RESET \(setting.name)", "SET \(setting.name) TO DEFAULT", "RESET ALL",
      ]))
    observe(setting)
    observe(any())
  }

  mutating func sessionCharacteristics() {
    let mode = random.pick(["READ ONLY", "READ WRITE", "ISOLATION LEVEL REPEATABLE READ"])
    run("SET SESSION CHARACTERISTICS AS TRANSACTION \(mode)")
    query("SHOW transaction_read_only; SHOW transaction_isolation")
    query("INSERT INTO \(schema).log (note) VALUES ('may be read only')")
    if random.chance(70) {
      run("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, ISOLATION LEVEL READ COMMITTED")
    }
  }

  mutating func role() {
    run(
      random.pick([
        "SET ROLE none", "SET ROLE app", "RESET ROLE", "SET SESSION AUTHORIZATION DEFAULT",
        "SET ROLE other", "SET ROLE missing",
      ]))
    query("SELECT current_user, session_user, current_setting('role')")
  }
}
