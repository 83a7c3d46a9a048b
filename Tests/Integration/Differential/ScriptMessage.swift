/// A message of the frontend, with what a reader of the script sees of it.
struct ScriptMessage: Sendable {
  let text: String
  let bytes: [UInt8]
  /// A ReadyForQuery answers it, whatever happens.
  var isAnswered = false

  static func query(_ sql: String) -> Self {
    Self(text: "Query \(sql)", bytes: Frame.query(sql), isAnswered: true)
  }

  static func parse(_ sql: String, name: String = "", types: [Int] = []) -> Self {
    Self(
      text: "Parse \"\(name)\"\(types.isEmpty ? "" : " \(types)") \(sql)",
      bytes: Frame.parse(sql, name: name, types: types))
  }

  static func bind(
    _ values: [[UInt8]?] = [], statement: String = "", portal: String = "",
    formats: [Int] = [], resultFormats: [Int] = []
  ) -> Self {
    let list = values.map { $0.map { String(decoding: $0, as: UTF8.self) } ?? "NULL" }
    let binary = formats + resultFormats == [] ? "" : " formats \(formats) \(resultFormats)"
    return Self(
      text: "Bind \"\(portal)\" to \"\(statement)\" \(list)\(binary)",
      bytes: Frame.bind(
        values, statement: statement, portal: portal, formats: formats,
        resultFormats: resultFormats))
  }

  static func describeStatement(_ name: String = "") -> Self {
    Self(text: "Describe statement \"\(name)\"", bytes: Frame.describeStatement(name))
  }

  static func describePortal(_ name: String = "") -> Self {
    Self(text: "Describe portal \"\(name)\"", bytes: Frame.describePortal(name))
  }

  static func closeStatement(_ name: String = "") -> Self {
    Self(text: "Close statement \"\(name)\"", bytes: Frame.closeStatement(name))
  }

  static func closePortal(_ name: String = "") -> Self {
    Self(text: "Close portal \"\(name)\"", bytes: Frame.closePortal(name))
  }

  static func execute(portal: String = "", rows: Int = 0) -> Self {
    Self(
      text: "Execute \"\(portal)\" rows \(rows)",
      bytes: Frame.execute(portal: portal, maximumRows: rows))
  }

  static func functionCall(_ oid: Int, _ values: [String]) -> Self {
    Self(
      text: "FunctionCall \(oid) \(values)", bytes: Frame.functionCall(oid, values),
      isAnswered: true)
  }

  static func copyData(_ text: String) -> Self {
    Self(text: "CopyData \(text.debugDescription)", bytes: Frame.copyData(text))
  }

  static func copyFail(_ reason: String) -> Self {
    Self(text: "CopyFail \(reason)", bytes: Frame.copyFail(reason))
  }

  static let copyDone = Self(text: "CopyDone", bytes: Frame.copyDone)
  static let flush = Self(text: "Flush", bytes: Frame.flush)
  static let sync = Self(text: "Sync", bytes: Frame.sync, isAnswered: true)
  /// A Sync that the server reads while it takes COPY data, and does not answer.
  static let ignoredSync = Self(text: "Sync (ignored in COPY)", bytes: Frame.sync)
}
