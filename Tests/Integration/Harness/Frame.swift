/// Messages of the frontend, as bytes. Section "Message Formats" of PostgreSQL's documentation.
enum Frame {
  /// Any message: type, length, body.
  static func message(_ type: Character, _ body: [UInt8]) -> [UInt8] {
    [type.asciiValue!] + int32(body.count + 4) + body
  }

  static func startup(_ parameters: [(String, String)], version: Int = 196_608) -> [UInt8] {
    var body = int32(version)
    for (name, value) in parameters { body += string(name) + string(value) }
    body.append(0)
    return int32(body.count + 4) + body
  }

  static let sslRequest = int32(8) + int32(80_877_103)
  static let gssRequest = int32(8) + int32(80_877_104)

  /// `key` is the body of BackendKeyData: process id and secret.
  static func cancel(_ key: [UInt8]) -> [UInt8] {
    int32(8 + key.count) + int32(80_877_102) + key
  }

  static func query(_ sql: String) -> [UInt8] { message("Q", string(sql)) }
  static func password(_ text: String) -> [UInt8] { message("p", string(text)) }

  static func parse(_ sql: String, name: String = "", types: [Int] = []) -> [UInt8] {
    message("P", string(name) + string(sql) + int16(types.count) + types.flatMap { int32($0) })
  }

  /// Parameters and results in text format, unless formats (1 is binary) say otherwise: none, one
  /// for all, or one each.
  static func bind(
    _ values: [[UInt8]?] = [], statement: String = "", portal: String = "",
    formats: [Int] = [], resultFormats: [Int] = []
  ) -> [UInt8] {
    var body = string(portal) + string(statement)
    body += int16(formats.count) + formats.flatMap { int16($0) } + int16(values.count)
    for value in values {
      if let value { body += int32(value.count) + value } else { body += int32(-1) }
    }
    return message("B", body + int16(resultFormats.count) + resultFormats.flatMap { int16($0) })
  }

  static func bind(texts: [String], statement: String = "") -> [UInt8] {
    bind(texts.map { Array($0.utf8) }, statement: statement)
  }

  static func describePortal(_ name: String = "") -> [UInt8] { message("D", [80] + string(name)) }
  static func describeStatement(_ name: String) -> [UInt8] { message("D", [83] + string(name)) }
  static func closeStatement(_ name: String) -> [UInt8] { message("C", [83] + string(name)) }
  static func closePortal(_ name: String) -> [UInt8] { message("C", [80] + string(name)) }

  static func execute(portal: String = "", maximumRows: Int = 0) -> [UInt8] {
    message("E", string(portal) + int32(maximumRows))
  }

  static let sync = message("S", [])
  static let flush = message("H", [])
  static let terminate = message("X", [])
  static let copyDone = message("c", [])

  static func copyData(_ text: String) -> [UInt8] { message("d", Array(text.utf8)) }
  static func copyFail(_ reason: String) -> [UInt8] { message("f", string(reason)) }

  /// FunctionCall with text arguments and a text result.
  static func functionCall(_ oid: Int, _ values: [String]) -> [UInt8] {
    var body = int32(oid) + int16(0) + int16(values.count)
    for value in values { body += int32(value.utf8.count) + Array(value.utf8) }
    return message("F", body + int16(0))
  }

  /// Parse, Bind, Describe, Execute, Sync of one statement.
  static func extended(_ sql: String, _ values: [String] = []) -> [UInt8] {
    parse(sql) + bind(texts: values) + describePortal() + execute() + sync
  }

  static func string(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

  static func int32(_ value: Int) -> [UInt8] {
    let bits = UInt32(truncatingIfNeeded: value)
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> $0) }
  }

  static func int16(_ value: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
  }
}
