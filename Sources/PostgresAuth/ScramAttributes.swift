/// The attributes of a SCRAM message, `name=value` parted by commas (RFC 5802 section 5.1), read
/// one after the other.
struct ScramAttributes {
  /// Most bytes of a message that is looked at; those of known clients and servers have some 200.
  static var maximumBytes: Int { 4096 }

  struct Attribute {
    var name: UInt8
    var value: ArraySlice<UInt8>
    /// Where the attribute starts in the message.
    var start: Int
  }

  private let message: ArraySlice<UInt8>
  private var position: Int
  /// Whether the end, and no comma, followed the last attribute.
  private(set) var isAtEnd = false

  init(_ message: ArraySlice<UInt8>) {
    self.message = message
    position = message.startIndex
  }

  /// The next attribute, which there must be.
  mutating func next() throws(ScramError) -> Attribute {
    guard !isAtEnd else { throw .malformed("attribute missing") }
    let start = position
    let end = message[start...].firstIndex(of: UInt8(ascii: ",")) ?? message.endIndex
    let attribute = message[start..<end]
    guard attribute.count >= 2, attribute[start + 1] == UInt8(ascii: "="),
      Self.isLetter(attribute[start])
    else { throw .malformed("attribute expected") }
    isAtEnd = end == message.endIndex
    position = isAtEnd ? end : end + 1
    return Attribute(name: attribute[start], value: attribute[(start + 2)...], start: start)
  }

  /// The value of the next attribute, which must be `name`.
  mutating func next(_ name: Unicode.Scalar) throws(ScramError) -> ArraySlice<UInt8> {
    let attribute = try next()
    if attribute.name == UInt8(ascii: "m") { throw .extensionUnsupported }
    guard attribute.name == UInt8(ascii: name) else {
      throw .malformed("attribute \"\(name)\" expected")
    }
    return attribute.value
  }

  /// Passes over optional extensions up to the end.
  mutating func skipExtensions() throws(ScramError) {
    while !isAtEnd {
      if try next().name == UInt8(ascii: "m") { throw .extensionUnsupported }
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  /// Whether `nonce` has characters, all printable ASCII (RFC 5802: `printable`).
  static func isNonce(_ nonce: ArraySlice<UInt8>) -> Bool {
    !nonce.isEmpty && nonce.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ",") }
  }

  /// A decimal number from 1 to 2,147,483,647, PostgreSQL's range of scram_iterations.
  static func parseIterations(_ digits: some Collection<UInt8>) -> Int? {
    guard (1...10).contains(digits.count) else { return nil }
    var number = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      number = number * 10 + Int(digit - 0x30)
    }
    return (1...Int(Int32.max)).contains(number) ? number : nil
  }

  /// Refuses what no SCRAM message is before anything else looks at it.
  static func check(_ message: [UInt8]) throws(ScramError) {
    guard message.count <= maximumBytes else { throw .messageTooLong }
    guard !message.contains(0) else { throw .malformed("NUL byte") }
  }
}
