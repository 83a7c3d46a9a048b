/// Bytes to send, made message by message. Serves both sides of the protocol.
public struct MessageBuffer {
  public var bytes: [UInt8] = []

  public init() {}

  public mutating func byte(_ value: UInt8) { bytes.append(value) }

  public mutating func int16(_ value: Int16) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }

  public mutating func int32(_ value: Int32) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }

  /// A string with the zero byte that ends it.
  public mutating func cString(_ text: String) {
    bytes.append(contentsOf: text.utf8)
    bytes.append(0)
  }

  /// One message with its type byte and its length.
  public mutating func message(_ type: Character, _ body: (inout MessageBuffer) -> Void = { _ in })
  {
    byte(type.asciiValue ?? 0)
    withLength(body)
  }

  /// The startup packet, which has a length and no type byte.
  public mutating func startup(user: String, database: String, applicationName: String) {
    withLength {
      $0.int32(196_608)
      $0.cString("user")
      $0.cString(user)
      $0.cString("database")
      $0.cString(database)
      $0.cString("application_name")
      $0.cString(applicationName)
      $0.byte(0)
    }
  }

  private mutating func withLength(_ body: (inout MessageBuffer) -> Void) {
    let start = bytes.count
    int32(0)
    body(&self)
    let length = UInt32(bytes.count - start).bigEndian
    withUnsafeBytes(of: length) { source in
      for index in 0..<4 { bytes[start + index] = source[index] }
    }
  }
}
