import Glibc
import Testing

/// An installed PostgreSQL: tests that depend on the server run on each.
struct PostgresVersion: Hashable, Sendable, CustomTestStringConvertible {
  let major: Int
  /// The directory of its programs.
  let bin: String

  var testDescription: String { "PostgreSQL \(major)" }

  /// The distribution's newest one, and 18 where `SLUICE_PG18_BIN` names its programs.
  /// `SLUICE_TEST_POSTGRES=15` leaves only that one.
  static let available: [PostgresVersion] = {
    var found: [PostgresVersion] = []
    if let system = (9...99).reversed().first(where: { runs(in: systemBin($0)) }) {
      found.append(PostgresVersion(major: system, bin: systemBin(system)))
    }
    if let bin = variable("SLUICE_PG18_BIN"), runs(in: bin), found.first?.major != 18 {
      found.append(PostgresVersion(major: 18, bin: bin))
    } else if found.first?.major != 18 {
      print("PostgreSQL 18 is not available: integration tests run on", found.map(\.major))
    }
    if let only = variable("SLUICE_TEST_POSTGRES").flatMap({ Int($0) }) {
      found.removeAll { $0.major != only }
    }
    return found
  }()

  /// For what does not depend on the server's version.
  static var newest: PostgresVersion {
    get throws {
      guard let last = available.last else { throw HarnessError("no PostgreSQL is installed") }
      return last
    }
  }

  private static func systemBin(_ major: Int) -> String {
    "/usr/lib/postgresql/\(major)/bin"
  }

  private static func runs(in bin: String) -> Bool {
    access(bin + "/postgres", X_OK) == 0
  }

  private static func variable(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }
}
