/// What one client was told, in order.
struct Transcript: Sendable {
  struct Reply: Sendable {
    /// The step that was under way; -1 is the login.
    var step: Int
    var message: ServerMessage
  }

  var replies: [Reply] = []
  /// Why the client ended before its program did.
  var failure: String?
  /// The step in which it ended.
  var step = -1
}

extension Transcript {
  struct Difference: Sendable {
    /// Of the first reply that differs.
    let index: Int
    let step: Int
  }

  /// Where the first message is that is not the same on both sides.
  ///
  /// In a failed block Sluice can't prepare what the server lacks: then the block is the error, in
  /// place of what PostgreSQL would say of the statement, and the rest of the batch is passed over.
  func difference(from other: Transcript) -> Difference? {
    var index = 0
    var otherIndex = 0
    while index < replies.count, otherIndex < other.replies.count {
      if replies[index].message != other.replies[otherIndex].message {
        guard other.replies[otherIndex].message.isError("25P02"),
          let end = endOfBatch(from: index), let otherEnd = other.endOfBatch(from: otherIndex),
          replies[end].message.body == [0x45], other.replies[otherEnd].message.body == [0x45]
        else { return Difference(index: index, step: other.replies[otherIndex].step) }
        index = end
        otherIndex = otherEnd
      }
      index += 1
      otherIndex += 1
    }
    if index == replies.count, otherIndex == other.replies.count, failure == nil,
      other.failure == nil
    {
      return nil
    }
    return Difference(index: index, step: index < replies.count ? replies[index].step : other.step)
  }

  /// The next ReadyForQuery.
  private func endOfBatch(from index: Int) -> Int? {
    replies[index...].firstIndex { $0.message.type == "Z" }
  }

  /// The messages from a little before `index` on, one a line.
  func excerpt(around index: Int) -> String {
    var text = ""
    for (place, reply) in replies.enumerated() where abs(place - index) <= 4 {
      text += "  \(place == index ? ">" : " ") step \(reply.step) \(reply.message.readable)\n"
    }
    if let failure, replies.count - index <= 4 { text += "    step \(step) \(failure)\n" }
    return text
  }
}

extension ServerMessage {
  /// Without what may differ between two runs of the same script.
  var normalised: ServerMessage {
    switch type {
    // The process and its secret.
    case "K": ServerMessage(type: type, body: [])
    // The process that notifies.
    case "A": ServerMessage(type: type, body: Array(body.dropFirst(4)))
    case "T": ServerMessage(type: type, body: withoutTableIDs)
    // File and line in PostgreSQL's sources; the routine and all other fields stay.
    case "E", "N": ServerMessage(type: type, body: withoutSourceLines)
    default: self
    }
  }

  func isError(_ sqlstate: String) -> Bool { type == "E" && ServerError(self).sqlstate == sqlstate }

  /// A RowDescription in which tables made by users have one number: each run makes its own.
  private var withoutTableIDs: [UInt8] {
    var body = body
    var position = 2
    while position < body.count, let end = body[position...].firstIndex(of: 0) {
      guard end + 19 <= body.count else { break }
      // FirstNormalObjectId: what initdb made has the same number everywhere.
      let isUsers = UInt32(truncatingIfNeeded: int32(at: end + 1)) >= 16_384
      if isUsers { body.replaceSubrange(end + 1..<end + 5, with: Frame.int32(16_384)) }
      position = end + 19
    }
    return body
  }

  /// In a failed transaction block the routine goes too: where a server lacks a prepared statement,
  /// it is Sluice's Parse of it that the block refuses, and not the client's Bind or Describe.
  private var withoutSourceLines: [UInt8] {
    var fields = body.split(separator: 0).filter { ![0x46, 0x4c].contains($0.first) }
    // Whether a session has had a schema pg_temp shows in what DROP IF EXISTS says of it.
    if fields.contains(where: { $0.elementsEqual("RDropErrorMsgNonExistent".utf8) }) {
      fields.removeAll { $0.first == 0x4d }
    }
    if fields.contains(where: { $0.elementsEqual("C25P02".utf8) }) {
      fields.removeAll { $0.first == 0x52 }
    }
    return fields.flatMap { Array($0) + [0] } + [0]
  }

  /// For a reader: the type, and the body as text where it is text.
  var readable: String {
    switch type {
    case "E", "N":
      let fields = body.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return "\(type) \(fields.joined(separator: " | "))"
    case "D": return "D \(columns.map { $0?.prefix(100).description ?? "NULL" })"
    default:
      var text = ""
      for byte in body.prefix(400) {
        let scalar = Unicode.Scalar(byte)
        text += (0x20..<0x7f).contains(byte) ? String(Character(scalar)) : "\\\(byte)"
      }
      return "\(type) \(text)"
    }
  }
}
