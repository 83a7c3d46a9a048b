extension SettingDefinition {
  static let metrics: [SettingDefinition] = [
    .text(
      "metrics_listen", \.metricsListen, "",
      "Where metrics, health checks and the dashboard are served over HTTP: `host:port`, "
        + "`[v6]:port`, or a port alone, which is on 127.0.0.1; empty is nowhere. Not in PgBouncer."
    ).fixed,
    .text(
      "metrics_user", \.metricsUser, "",
      "User who may see metrics and the dashboard, by basic authentication; empty is everybody. "
        + "Not in PgBouncer."
    ),
    .secret("metrics_password", \.metricsPassword, "That user's password. Not in PgBouncer."),
    .text(
      "metrics_tls_cert_file", \.metricsTlsCertFile, "",
      "Certificate in PEM, with those behind it; metrics are served over HTTPS then. "
        + "Not in PgBouncer."
    ),
    .text(
      "metrics_tls_key_file", \.metricsTlsKeyFile, "",
      "The certificate's private key in PEM. Not in PgBouncer."
    ),
    .integer(
      "metrics_tenants", \.metricsTenants, 50, in: 0...10_000,
      "How many tenants have metrics of their own: those that use most; the rest is `other`. "
        + "Not in PgBouncer."
    ),
  ]
}

extension SettingsAssembler {
  /// What is wrong with the settings for metrics together.
  mutating func checkMetrics() {
    func place(_ name: String) -> SourcePlace {
      places[name] ?? SourcePlace(file: file, line: nil)
    }
    if !settings.metricsListen.isEmpty, MetricsAddress(settings.metricsListen) == nil {
      fail(
        place("metrics_listen"),
        "\"metrics_listen\" takes host:port, [v6]:port or a port, not "
          + SettingType.shown(settings.metricsListen))
    }
    if settings.metricsUser.isEmpty != settings.metricsPassword.text.isEmpty {
      let (given, missing) =
        settings.metricsUser.isEmpty
        ? ("metrics_password", "metrics_user") : ("metrics_user", "metrics_password")
      fail(place(given), "\"\(given)\" needs \"\(missing)\"")
    }
    if settings.metricsUser.utf8.contains(UInt8(ascii: ":")) {
      fail(place("metrics_user"), "\"metrics_user\" cannot have a colon")
    }
    if settings.metricsTlsCertFile.isEmpty != settings.metricsTlsKeyFile.isEmpty {
      let (given, missing) =
        settings.metricsTlsCertFile.isEmpty
        ? ("metrics_tls_key_file", "metrics_tls_cert_file")
        : ("metrics_tls_cert_file", "metrics_tls_key_file")
      fail(place(given), "\"\(given)\" needs \"\(missing)\"")
    }
    let isOpen =
      settings.metricsUser.isEmpty
      && MetricsAddress(settings.metricsListen).map { !$0.isLoopback } == true
    if isOpen {
      warn(
        place("metrics_listen"),
        "\"metrics_listen\" lets everybody who reaches the address see names of databases, users "
          + "and tenants: set \"metrics_user\", or keep others away by a firewall")
    }
  }
}
