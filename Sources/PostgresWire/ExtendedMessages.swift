/// A Parse, as the server's side reads it.
public struct ParseMessage: Equatable, Sendable {
  /// Empty for the unnamed statement.
  public var name: String
  public var text: String
  /// OIDs of the parameters that the client tells the types of; 0: it does not.
  public var parameterTypes: [UInt32]

  /// Parses a body (what follows the length).
  public static func parse(_ body: [UInt8]) -> ParseMessage? {
    let bytes = body.span
    var cursor = ByteCursor()
    guard let name = cursor.readText(in: bytes), let text = cursor.readText(in: bytes),
      let count = cursor.readUInt16(in: bytes)
    else { return nil }
    var types: [UInt32] = []
    for _ in 0..<count {
      guard let type = cursor.readUInt32(in: bytes) else { return nil }
      types.append(type)
    }
    return ParseMessage(name: name, text: text, parameterTypes: types)
  }
}

/// A Bind, as the server's side reads it.
public struct BindMessage: Equatable, Sendable {
  public var portal: String
  public var statement: String
  /// nil is NULL.
  public var parameters: [[UInt8]?]
  /// None: all columns are text; one: of all columns; else of each. 0 is text, 1 binary.
  public var resultFormats: [UInt16]

  /// Parses a body (what follows the length).
  public static func parse(_ body: [UInt8]) -> BindMessage? {
    let bytes = body.span
    var cursor = ByteCursor()
    guard let portal = cursor.readText(in: bytes), let statement = cursor.readText(in: bytes),
      readFormats(&cursor, bytes) != nil, let count = cursor.readUInt16(in: bytes)
    else { return nil }
    var parameters: [[UInt8]?] = []
    for _ in 0..<count {
      guard let length = cursor.readUInt32(in: bytes) else { return nil }
      if length == .max {
        parameters.append(nil)
      } else {
        guard let value = cursor.readBytes(Int(length), in: bytes) else { return nil }
        parameters.append(value)
      }
    }
    guard let formats = readFormats(&cursor, bytes) else { return nil }
    return BindMessage(
      portal: portal, statement: statement, parameters: parameters, resultFormats: formats)
  }

  private static func readFormats(_ cursor: inout ByteCursor, _ bytes: Span<UInt8>) -> [UInt16]? {
    guard let count = cursor.readUInt16(in: bytes) else { return nil }
    var formats: [UInt16] = []
    for _ in 0..<count {
      guard let format = cursor.readUInt16(in: bytes) else { return nil }
      formats.append(format)
    }
    return formats
  }
}

/// A Describe or a Close, as the server's side reads it.
public struct NamingMessage: Equatable, Sendable {
  public var object: MessageWriter.NamedObject
  public var name: String

  /// Parses a body (what follows the length).
  public static func parse(_ body: [UInt8]) -> NamingMessage? {
    let bytes = body.span
    var cursor = ByteCursor()
    guard let object = cursor.readUInt8(in: bytes).flatMap(MessageWriter.NamedObject.init),
      let name = cursor.readText(in: bytes)
    else { return nil }
    return NamingMessage(object: object, name: name)
  }
}

/// An Execute, as the server's side reads it.
public struct ExecuteMessage: Equatable, Sendable {
  public var portal: String
  /// 0: all.
  public var maximumRows: UInt32

  /// Parses a body (what follows the length).
  public static func parse(_ body: [UInt8]) -> ExecuteMessage? {
    let bytes = body.span
    var cursor = ByteCursor()
    guard let portal = cursor.readText(in: bytes), let rows = cursor.readUInt32(in: bytes) else {
      return nil
    }
    return ExecuteMessage(portal: portal, maximumRows: rows)
  }
}
