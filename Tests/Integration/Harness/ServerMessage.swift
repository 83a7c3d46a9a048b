/// A message of the backend.
struct ServerMessage: Equatable, Sendable {
  let type: Character
  let body: [UInt8]

  /// The columns of a DataRow as text; nil is NULL.
  var columns: [String?] {
    var columns: [String?] = []
    var position = 2
    for _ in 0..<count(at: 0) {
      let length = int32(at: position)
      position += 4
      if length < 0 {
        columns.append(nil)
      } else {
        columns.append(String(decoding: body[position..<position + length], as: UTF8.self))
        position += length
      }
    }
    return columns
  }

  /// The zero-terminated strings from `position` on.
  func strings(from position: Int = 0) -> [String] {
    body[position...].split(separator: 0, omittingEmptySubsequences: false).dropLast()
      .map { String(decoding: $0, as: UTF8.self) }
  }

  func int32(at position: Int) -> Int {
    var value: UInt32 = 0
    for byte in body[position..<position + 4] { value = value << 8 | UInt32(byte) }
    return Int(Int32(bitPattern: value))
  }

  private func count(at position: Int) -> Int {
    Int(body[position]) << 8 | Int(body[position + 1])
  }
}

/// An ErrorResponse or a NoticeResponse.
struct ServerError: Error, Equatable, Sendable, CustomStringConvertible {
  let fields: [Character: String]

  init(_ message: ServerMessage) {
    var fields: [Character: String] = [:]
    for field in message.body.split(separator: 0) {
      guard let code = field.first else { continue }
      fields[Character(Unicode.Scalar(code))] = String(decoding: field.dropFirst(), as: UTF8.self)
    }
    self.fields = fields
  }

  var severity: String { fields["S"] ?? "" }
  var sqlstate: String { fields["C"] ?? "" }
  var message: String { fields["M"] ?? "" }
  var description: String { "\(severity) \(sqlstate) \(message)" }
}

/// All that the server sent up to ReadyForQuery or to the end of the connection.
struct Exchange: Sendable, CustomStringConvertible {
  var messages: [ServerMessage] = []
  /// The connection ended before ReadyForQuery.
  var isClosed = false

  /// The messages' types in order, such as `TDCZ`; parameters and notices are left out.
  var types: String { String(messages.map(\.type).filter { $0 != "S" && $0 != "N" }) }
  var rows: [[String?]] { messages.filter { $0.type == "D" }.map(\.columns) }
  var value: String? { messages.first { $0.type == "D" }?.columns.first ?? nil }
  var tags: [String] { messages.filter { $0.type == "C" }.flatMap { $0.strings() } }
  var errors: [ServerError] { messages.filter { $0.type == "E" }.map(ServerError.init) }
  var notices: [ServerError] { messages.filter { $0.type == "N" }.map(ServerError.init) }
  /// The transaction status of the last ReadyForQuery: `I`, `T` or `E`.
  var status: Character? {
    messages.last { $0.type == "Z" }?.body.first.map { Character(Unicode.Scalar($0)) }
  }

  var description: String {
    "\(types.prefix(60))\(isClosed ? " closed" : "") \(errors.map(\.description))"
  }

  /// Itself, or the first error that it holds.
  func checked() throws -> Exchange {
    if let error = errors.first { throw error }
    if isClosed { throw HarnessError("the connection was closed") }
    return self
  }
}
