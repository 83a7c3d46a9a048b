import Pooling
import PostgresWire

// What a preamble may stand in front of: statements that can neither end a transaction nor have to
// be the first or the only one in it.
extension Worker {
  /// One statement that reads or writes data. It can neither end a transaction, nor must it be the
  /// first or the only one in it.
  func isHarmless(_ start: Int, _ end: Int) -> Bool {
    let text = bytes(start, end).bytes
    return SQLText.isData(text) && SQLText.isPlain(text)
  }

  /// Statements of a batch that are looked at.
  private static var mostHarmless: Int { 64 }

  /// A batch that has come up to its Sync, all of whose statements are harmless, and that is
  /// answered by more than its end.
  func isHarmlessBatch(_ session: SessionPointer, _ start: Int, _ count: Int) -> Bool {
    var position = start
    var unnamed = session.pointee.unnamed == .kept && session.pointee.unnamedIsHarmless
    var parsed: [(name: [UInt8], isHarmless: Bool)] = []
    var isAnswered = false
    var hasUnnamedPortal = false
    while count - position >= 5 {
      let type = scratch.load(fromByteOffset: position, as: UInt8.self)
      let whole = messageLength(at: position)
      guard whole >= 5, whole <= count - position else { return false }
      let message = InspectedMessage(type: type, start: position, whole: whole, here: whole)
      switch type {
      case ClientMessageType.sync: return isAnswered
      case ClientMessageType.parse:
        guard let range = nameRange(message.body, message) else { return false }
        guard parsed.count < Self.mostHarmless else { return false }
        let isHarmless = isHarmlessParse(message, range)
        if range.isEmpty { unnamed = isHarmless } else { parsed.append((name(range), isHarmless)) }
      case ClientMessageType.bind:
        guard let portal = nameRange(message.body, message),
          let range = nameRange(portal.next, message)
        else { return false }
        if range.isEmpty {
          guard unnamed else { return false }
        } else if let last = last(name(range), of: parsed) {
          guard last.isHarmless else { return false }
        } else {
          let reference = session.pointee.statements.find(
            bytes(range.start, range.next).bytes, at: 0, count: range.count)
          guard reference?.isHarmless == true else { return false }
        }
        if portal.isEmpty { hasUnnamedPortal = true }
      case ClientMessageType.execute, ClientMessageType.describe:
        // Without a Bind it would be the preamble's.
        guard hasUnnamedPortal || !isOfUnnamedPortal(message) else { return false }
      case ClientMessageType.close, ClientMessageType.flush: break
      default: return false
      }
      if type != ClientMessageType.flush { isAnswered = true }
      position += whole
    }
    return false
  }

  private func last(
    _ name: [UInt8], of parsed: [(name: [UInt8], isHarmless: Bool)]
  ) -> (name: [UInt8], isHarmless: Bool)? {
    parsed.last { $0.name == name }
  }

  /// An Execute, or the Describe of a portal, that has no name.
  private func isOfUnnamedPortal(_ message: InspectedMessage) -> Bool {
    let isDescribe = message.type == ClientMessageType.describe
    if isDescribe,
      scratch.load(fromByteOffset: message.body, as: UInt8.self) != UInt8(ascii: "P")
    {
      return false
    }
    guard let name = nameRange(message.body &+ (isDescribe ? 1 : 0), message) else { return true }
    return name.isEmpty
  }

  private func isHarmlessParse(_ message: InspectedMessage, _ range: NameRange) -> Bool {
    guard message.whole <= Self.inspectedLimit,
      let text = textRange(message, range)
    else { return false }
    return isHarmless(text.lowerBound, text.upperBound)
  }
}
