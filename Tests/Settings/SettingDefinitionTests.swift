import Testing

@testable import Settings

struct SettingDefinitionTests {
  /// PgBouncer 1.25's settings: name, whether a reload applies them, default.
  static let pgbouncer = """
    admin_users | yes |
    application_name_add_host | yes | 0
    auth_dbname | yes |
    auth_file | yes |
    auth_hba_file | yes |
    auth_ident_file | yes |
    auth_ldap_options | yes |
    auth_query | yes | SELECT rolname, ⏎
    auth_type | yes | md5
    auth_user | yes |
    autodb_idle_timeout | yes | 3600
    cancel_wait_timeout | yes | 10
    client_idle_timeout | yes | 0
    client_login_timeout | yes | 60
    client_tls_ca_file | yes |
    client_tls_cert_file | yes |
    client_tls_ciphers | yes | default
    client_tls_dheparams | yes | auto
    client_tls_ecdhcurve | yes | auto
    client_tls_key_file | yes |
    client_tls_protocols | yes | secure
    client_tls_sslmode | yes | disable
    conffile | yes |
    default_pool_size | yes | 20
    disable_pqexec | no | 0
    dns_max_ttl | yes | 15
    dns_nxdomain_ttl | yes | 15
    dns_zone_check_period | yes | 0
    idle_transaction_timeout | yes | 0
    ignore_startup_parameters | yes |
    job_name | no | pgbouncer
    listen_addr | no |
    listen_backlog | no | 128
    listen_port | no | 6432
    log_connections | yes | 1
    log_disconnections | yes | 1
    log_pooler_errors | yes | 1
    log_stats | yes | 1
    logfile | yes |
    login_notify_message | yes |
    max_client_conn | yes | 100
    max_db_client_connections | yes | 0
    max_db_connections | yes | 0
    max_packet_size | yes | 2147483647
    max_prepared_statements | yes | 200
    max_user_client_connections | yes | 0
    max_user_connections | yes | 0
    min_pool_size | yes | 0
    peer_id | yes | 0
    pidfile | no |
    pkt_buf | no | 4096
    pool_mode | yes | session
    pool_idle_timeout | yes | 0
    query_timeout | yes | 0
    query_wait_notify | yes | 5
    query_wait_timeout | yes | 120
    reserve_pool_size | yes | 0
    reserve_pool_timeout | yes | 5
    resolv_conf | no |
    sbuf_loopcnt | yes | 5
    scram_iterations | yes | 4096
    server_check_delay | yes | 30
    server_check_query | yes | <empty>
    server_connect_timeout | yes | 15
    server_fast_close | yes | 0
    server_idle_timeout | yes | 600
    server_lifetime | yes | 3600
    server_login_retry | yes | 15
    server_reset_query | yes | DISCARD ALL
    server_reset_query_always | yes | 0
    server_round_robin | yes | 0
    server_tls_ca_file | yes |
    server_tls_cert_file | yes |
    server_tls_ciphers | yes | default
    server_tls_key_file | yes |
    server_tls_protocols | yes | secure
    server_tls_sslmode | yes | prefer
    service_name | no |
    so_reuseport | no | 0
    stats_period | yes | 60
    stats_users | yes |
    suspend_timeout | yes | 10
    syslog | yes | 0
    syslog_facility | yes | daemon
    syslog_ident | yes | pgbouncer
    tcp_defer_accept | yes | 1
    tcp_keepalive | yes | 1
    tcp_keepcnt | yes | 0
    tcp_keepidle | yes | 0
    tcp_keepintvl | yes | 0
    tcp_socket_buffer | yes | 0
    tcp_user_timeout | yes | 0
    track_extra_parameters | no | IntervalStyle
    transaction_timeout | yes | 0
    unix_socket_dir | no | /tmp
    unix_socket_group | no |
    unix_socket_mode | no | 0777
    user | no |
    verbose | yes | 0
    client_tls13_ciphers | yes |
    server_tls13_ciphers | yes |
    """

  static let rows: [[String]] = pgbouncer.split(separator: "\n").map { line in
    line.split(separator: "|", omittingEmptySubsequences: false)
      .map { SettingType.trimmed($0) }
  }

  @Test(arguments: rows)
  func `every setting of PgBouncer is known with its default`(_ row: [String]) throws {
    let definition = try #require(SettingDefinition.named(row[0]))
    #expect(definition.isReloadable == (row[1] == "yes"))
    let fallback = definition.defaultText(in: .pgbouncer)
    if row[2].hasSuffix("⏎") {
      #expect(fallback.hasPrefix(row[2].dropLast()))
    } else {
      #expect(fallback == row[2])
    }
  }

  @Test func `nothing is known twice and only some are not PgBouncer's`() {
    let names = SettingDefinition.all.flatMap { [$0.name] + $0.aliases }
    #expect(Set(names).count == names.count)
    let own = Set(SettingDefinition.all.map(\.name)).subtracting(Self.rows.map { $0[0] })
    #expect(
      own == [
        "threads", "session_state", "pinning", "log_format", "log_rate_limit", "metrics_listen",
        "metrics_user", "metrics_password", "metrics_tls_cert_file", "metrics_tls_key_file",
        "metrics_tenants", "query_stats", "query_stats_max", "query_repeat_threshold",
        "log_min_duration",
      ])
  }

  @Test func `the native defaults differ where one wants otherwise today`() {
    let differing = SettingDefinition.all.filter { $0.iniDefault != $0.nativeDefault }.map(\.name)
    #expect(differing == ["listen_addr", "pool_mode", "max_client_conn", "auth_type"])
    let native = Settings(defaultsOf: .native)
    #expect(native.listenAddr == ["127.0.0.1"])
    #expect(native.poolMode == .transaction)
    #expect(native.authType == .scramSHA256)
    #expect(native.maxClientConn == 10_000)
    let ini = Settings(defaultsOf: .pgbouncer)
    #expect(ini.listenAddr == [])
    #expect(ini.poolMode == .session)
    #expect(ini.authType == .md5)
    #expect(ini.maxClientConn == 100)
    #expect(ini.serverTlsSslmode == .prefer)
    #expect(ini.serverLifetime == .seconds(3600))
  }

  @Test(arguments: SettingDefinition.all.map(\.name))
  func `each row has a property of its own`(_ name: String) throws {
    let definition = try #require(SettingDefinition.named(name))
    var settings = Settings(defaultsOf: .native)
    let other: SettingValue =
      switch definition.type {
      case .text: .text("other")
      case .secret: .secret(Secret("other"))
      case .list: .list(["other"])
      case .flag: .flag(definition.nativeDefault != .flag(true))
      case .integer, .fileMode: .integer(77)
      case .seconds, .milliseconds: .duration(.milliseconds(77))
      case .choice(let choices):
        .text(
          choices.first { .text($0.name) != definition.nativeDefault && $0.standing == .done }?.name
            ?? "allow")
      }
    definition.field.set(&settings, other)
    #expect(definition.value(in: settings) == other)
    for definition in SettingDefinition.all where definition.name != name {
      #expect(definition.value(in: settings) == definition.nativeDefault)
    }
  }
}
