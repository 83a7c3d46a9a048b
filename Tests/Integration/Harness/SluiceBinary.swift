import Foundation

/// The program under test: `SLUICE_BIN`, else what was built along with the tests.
enum SluiceBinary {
  /// Where the user that servers run as can execute it.
  static func path() throws -> String {
    try found.get()
  }

  /// Each sanitizer reports and goes on, so that one test's finding does not spoil the next test.
  static let environment = [
    "TSAN_OPTIONS": "halt_on_error=0 exitcode=66", "ASAN_OPTIONS": "detect_leaks=0",
  ]

  private static let found: Result<String, HarnessError> = {
    if StandIn.isOn { return .success(StandIn.program) }
    var path = getenv("SLUICE_BIN").map { String(cString: $0) } ?? ""
    if path.isEmpty {
      path = buildDirectory + "/sluice"
    }
    guard access(path, X_OK) == 0 else {
      return .failure(HarnessError("no sluice at \(path); build it or set SLUICE_BIN"))
    }
    return reachable(path)
  }()

  /// The directory of the test bundle that runs, which is the build's.
  private static var buildDirectory: String {
    // The bundle is an argument of the test runner on some versions, its executable on others.
    for argument in CommandLine.arguments {
      if let end = argument.range(of: "/sluicePackageTests.xctest") {
        return String(argument[..<end.lowerBound])
      }
    }
    return ".build/debug"
  }

  private static func reachable(_ path: String) -> Result<String, HarnessError> {
    guard ServerUser.other != nil else { return .success(path) }
    do {
      if try Subprocess.run(ServerUser.prefix + ["test", "-x", path]).succeeded {
        return .success(path)
      }
      let copy = try Scratch.directory("bin") + "/sluice"
      guard try Subprocess.run(["cp", path, copy]).succeeded,
        try Subprocess.run(["chmod", "755", copy]).succeeded
      else { return .failure(HarnessError("cannot copy \(path)")) }
      return .success(copy)
    } catch {
      return .failure(HarnessError("\(error)"))
    }
  }
}

/// `SLUICE_STAND_IN=pgbouncer` runs the tests against PgBouncer: it shows which of their
/// expectations the original fulfils, and that they can tell.
enum StandIn {
  static let isOn = getenv("SLUICE_STAND_IN") != nil
  static let program = "/usr/sbin/pgbouncer"

  /// Settings that are younger than the distribution's PgBouncer.
  private static let unknown = [
    "threads", "transaction_timeout", "max_db_client_connections", "max_user_client_connections",
    "max_prepared_statements", "query_wait_notify",
  ]

  static func adapt(_ configuration: inout SluiceConfiguration) {
    for name in unknown { configuration.settings[name] = nil }
    for database in configuration.databases.keys {
      for name in unknown { configuration.databases[database]![name] = nil }
    }
  }
}
