import ArgumentParser
import BenchWire

/// What every client does, again and again.
enum Mode: String, CaseIterable, ExpressibleByArgument {
  /// One Query message.
  case simple
  /// Parse, Bind, Describe, Execute and Sync of an unnamed statement in one write.
  case extended
  /// Bind, Describe, Execute and Sync of a statement that was parsed once, after the login.
  case prepared
  /// The same without Describe, as of a driver that knows the columns.
  case bound
  /// BEGIN, the query, COMMIT: three round trips.
  case transaction
  /// A query that answers with COPY OUT; its bytes are counted.
  case copy
  /// Log in, then hold the connection.
  case idle

  var defaultQuery: String {
    switch self {
    case .simple, .extended, .prepared, .bound, .transaction, .idle: "SELECT 1"
    case .copy: "COPY bench TO STDOUT 256MB"
    }
  }
}

/// The bytes of a mode, made once for all clients. Every request ends with one ReadyForQuery.
struct Script {
  /// Sent once after the login, outside of what is measured.
  var prelude: [UInt8]?
  /// The requests of one transaction, each sent when the one before is answered.
  var steps: [[UInt8]] = []

  init(mode: Mode, query: String, touches: Bool) {
    switch mode {
    case .simple, .copy: steps = [Script.simple(query)]
    case .extended: steps = [Script.extended(query, named: "", parses: true)]
    case .prepared, .bound:
      prelude = Script.parse(query, named: "sluice_bench")
      steps = [
        Script.extended(
          query, named: "sluice_bench", parses: false, describes: mode == .prepared)
      ]
    case .transaction: steps = ["BEGIN", query, "COMMIT"].map(Script.simple)
    case .idle: prelude = touches ? Script.simple(query) : nil
    }
  }

  private static func simple(_ query: String) -> [UInt8] {
    var buffer = MessageBuffer()
    buffer.message("Q") { $0.cString(query) }
    return buffer.bytes
  }

  private static func parse(_ query: String, named name: String) -> [UInt8] {
    var buffer = MessageBuffer()
    buffer.message("P") {
      $0.cString(name)
      $0.cString(query)
      $0.int16(0)
    }
    buffer.message("S")
    return buffer.bytes
  }

  private static func extended(
    _ query: String, named name: String, parses: Bool, describes: Bool = true
  ) -> [UInt8] {
    var buffer = MessageBuffer()
    if parses {
      buffer.message("P") {
        $0.cString(name)
        $0.cString(query)
        $0.int16(0)
      }
    }
    buffer.message("B") {
      $0.cString("")
      $0.cString(name)
      $0.int16(0)
      $0.int16(0)
      $0.int16(0)
    }
    if describes {
      buffer.message("D") {
        $0.byte(UInt8(ascii: "P"))
        $0.cString("")
      }
    }
    buffer.message("E") {
      $0.cString("")
      $0.int32(0)
    }
    buffer.message("S")
    return buffer.bytes
  }
}
