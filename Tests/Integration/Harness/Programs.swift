/// PostgreSQL's own client programs, run to their end.
enum Programs {
  /// psql with unaligned output, one statement an argument; it stops at the first error.
  static func psql(
    _ endpoint: Endpoint, _ statements: [String], user: String = "app", database: String = "app",
    password: String? = nil, environment: [String: String] = [:], seconds: Double = 60
  ) throws -> Subprocess.Output {
    var arguments = [
      try PostgresVersion.newest.bin + "/psql", "-X", "-q", "-A", "-t", "-w", "-v",
      "ON_ERROR_STOP=1",
    ]
    for statement in statements { arguments += ["-c", statement] }
    return try Subprocess.run(
      arguments + [database],
      environment: variables(endpoint, user, password).merging(environment) { $1 },
      seconds: seconds)
  }

  static func pgbench(
    _ version: PostgresVersion, _ endpoint: Endpoint, _ arguments: [String], user: String = "app",
    database: String = "app", seconds: Double = 120
  ) throws -> Subprocess.Output {
    try Subprocess.run(
      [version.bin + "/pgbench"] + arguments + [database],
      environment: variables(endpoint, user, nil), seconds: seconds)
  }

  private static func variables(
    _ endpoint: Endpoint, _ user: String, _ password: String?
  ) -> [String: String] {
    var variables = ["PGUSER": user, "PGCONNECT_TIMEOUT": "20", "PGSSLMODE": "disable"]
    switch endpoint {
    case .tcp(let port):
      variables["PGHOST"] = "127.0.0.1"
      variables["PGPORT"] = String(port)
    case .unix(let path):
      let parts = path.split(separator: "/.s.PGSQL.", maxSplits: 1)
      variables["PGHOST"] = String(parts[0])
      variables["PGPORT"] = String(parts[1])
    }
    if let password { variables["PGPASSWORD"] = password }
    return variables
  }
}
