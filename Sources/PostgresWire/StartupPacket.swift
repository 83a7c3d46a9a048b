/// The first packet of a client, which has no type byte: a length, a code and what belongs to it.
public enum StartupPacket: Sendable, Equatable {
  case sslRequest
  case gssEncryptionRequest
  case cancelRequest(CancelKey)
  case startup(StartupMessage)

  /// Most bytes of a packet, its length field included (PostgreSQL's
  /// MAX_STARTUP_PACKET_LENGTH).
  public static var maximumBytes: Int { 10_000 }
  /// Newest supported minor version of protocol 3.
  public static var newestMinorVersion: Int { 2 }

  /// In place of a major version, it marks a request that is no startup message.
  private static var requestMajor: Int { 1234 }
  private static var cancelCode: UInt32 { 1234 << 16 | 5678 }
  /// Length, code, process id and secret.
  private static var longestCancelRequest: Int { 12 + CancelKey.secretBytes.upperBound }

  /// Parses the packet at the start of `bytes`.
  ///
  /// - Returns: nil while bytes are missing; else the packet and how many bytes it had.
  /// - Throws: ``StartupError``; a wrong length as soon as it is there, and what looks like
  ///   TLS at its first byte.
  public static func parse(
    _ bytes: [UInt8]
  ) throws(StartupError) -> (packet: StartupPacket, consumed: Int)? {
    try parse(bytes.span)
  }

  /// As ``parse(_:)-([UInt8])``, without a copy of the bytes.
  public static func parse(
    _ bytes: Span<UInt8>
  ) throws(StartupError) -> (packet: StartupPacket, consumed: Int)? {
    guard !bytes.isEmpty else { return nil }
    if bytes[0] == 0x16 { throw .directTLS }
    var cursor = ByteCursor()
    guard let claimed = cursor.readUInt32(in: bytes) else { return nil }
    guard claimed >= 8, claimed <= maximumBytes else { throw .invalidLength }
    let length = Int(claimed)
    guard bytes.count >= length else {
      // Not waited for: whoever asks to cancel has not logged in.
      if length > longestCancelRequest, cursor.readUInt32(in: bytes) == cancelCode {
        throw .invalidCancelLength
      }
      return nil
    }
    let body = bytes.extracting(4..<length)
    return (try parse(body: body), length)
  }

  private static func parse(body: Span<UInt8>) throws(StartupError) -> StartupPacket {
    var cursor = ByteCursor()
    guard let major = cursor.readUInt16(in: body), let minor = cursor.readUInt16(in: body) else {
      throw .invalidLength
    }
    let isAlone = cursor.remaining(in: body) == 0
    switch (Int(major), Int(minor)) {
    case (requestMajor, 5679):
      guard isAlone else { throw .invalidLength }
      return .sslRequest
    case (requestMajor, 5680):
      guard isAlone else { throw .invalidLength }
      return .gssEncryptionRequest
    case (requestMajor, 5678):
      return .cancelRequest(try parseCancelKey(body, cursor))
    case (3, let minorVersion):
      let parameters = try parseParameters(body, cursor)
      let message = StartupMessage(
        majorVersion: 3, minorVersion: minorVersion, parameters: parameters)
      guard !message.user.isEmpty else { throw .noUser }
      return .startup(message)
    case (let majorVersion, let minorVersion):
      throw .unsupportedProtocol(major: majorVersion, minor: minorVersion)
    }
  }

  private static func parseCancelKey(
    _ body: Span<UInt8>, _ start: ByteCursor
  ) throws(StartupError) -> CancelKey {
    var cursor = start
    guard let processID = cursor.readUInt32(in: body),
      CancelKey.secretBytes.contains(cursor.remaining(in: body))
    else { throw .invalidCancelLength }
    return CancelKey(processID: processID, secret: cursor.readRest(in: body))
  }

  /// Pairs of NUL-terminated strings, then one NUL as the packet's last byte.
  private static func parseParameters(
    _ body: Span<UInt8>, _ start: ByteCursor
  ) throws(StartupError) -> [StartupParameter] {
    var cursor = start
    var parameters: [StartupParameter] = []
    while true {
      guard let name = cursor.readCString(in: body) else { throw .invalidLayout }
      if name.isEmpty { break }
      guard let value = cursor.readCString(in: body) else { throw .invalidLayout }
      guard let nameText = String(validating: name, as: UTF8.self),
        let valueText = String(validating: value, as: UTF8.self)
      else { throw .invalidUTF8 }
      parameters.append(StartupParameter(name: nameText, value: valueText))
    }
    guard cursor.remaining(in: body) == 0 else { throw .invalidLayout }
    return parameters
  }
}
