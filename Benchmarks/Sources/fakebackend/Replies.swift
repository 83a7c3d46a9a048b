import BenchWire

/// The answers that never change, made once.
enum Replies {
  static let rowByteCount = 1_000
  static let rowsInBlock = 64

  static let rowDescription = made {
    $0.message("T") {
      $0.int16(1)
      $0.cString("?column?")
      $0.int32(0)
      $0.int16(0)
      $0.int32(23)
      $0.int16(4)
      $0.int32(-1)
      $0.int16(0)
    }
  }
  static let row = made {
    $0.message("D") {
      $0.int16(1)
      $0.int32(1)
      $0.byte(UInt8(ascii: "1"))
    }
    $0.message("C") { $0.cString("SELECT 1") }
  }
  /// What a simple `SELECT 1` brings, but for ReadyForQuery.
  static let select = rowDescription + row
  static let emptyQuery = made { $0.message("I") }
  static let parseComplete = made { $0.message("1") }
  static let bindComplete = made { $0.message("2") }
  static let closeComplete = made { $0.message("3") }
  static let noData = made { $0.message("n") }
  static let noParameters = made { $0.message("t") { $0.int16(0) } }
  static let copyOutResponse = made {
    $0.message("H") {
      $0.byte(0)
      $0.int16(1)
      $0.int16(0)
    }
  }
  /// `rowsInBlock` CopyData messages of one row each.
  static let copyBlock = made { buffer in
    let row = [UInt8](repeating: UInt8(ascii: "x"), count: rowByteCount - 1) + [10]
    for _ in 0..<rowsInBlock { buffer.message("d") { $0.bytes += row } }
  }
  static let copyMessageByteCount = 5 + rowByteCount

  /// The settings that PostgreSQL reports, by their lower-case names.
  static let reported: [String: String] = Dictionary(
    uniqueKeysWithValues: [
      "application_name", "client_encoding", "DateStyle", "default_transaction_read_only",
      "IntervalStyle", "search_path", "standard_conforming_strings", "TimeZone",
    ].map { ($0.lowercased(), $0) })

  private static func made(_ build: (inout MessageBuffer) -> Void) -> [UInt8] {
    var buffer = MessageBuffer()
    build(&buffer)
    return buffer.bytes
  }
}
