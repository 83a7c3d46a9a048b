import PostgresWire

/// What a client has been told of a prepared statement: its parameters and the columns of its
/// result, each as a number that is another for other ones. 0: it has not been told.
public struct StatementShape: Equatable, Sendable {
  public var parameters: UInt32
  public var columns: UInt32

  public init(parameters: UInt32 = 0, columns: UInt32 = 0) {
    self.parameters = parameters
    self.columns = columns
  }

  public var isKnown: Bool { parameters != 0 || columns != 0 }

  /// Takes over what another one knows.
  public mutating func learn(_ other: StatementShape) {
    if other.parameters != 0 { parameters = other.parameters }
    if other.columns != 0 { columns = other.columns }
  }

  /// Both know something, and it is not the same.
  public func contradicts(_ other: StatementShape) -> Bool {
    (parameters != 0 && other.parameters != 0 && parameters != other.parameters)
      || (columns != 0 && other.columns != 0 && columns != other.columns)
  }

  /// What a ParameterDescription, RowDescription or NoData tells.
  /// - Parameter body: the message's, in the protocol's form.
  public init(_ type: UInt8, _ body: [UInt8]) {
    switch type {
    case ServerMessageType.parameterDescription: self.init(parameters: Self.number(of: body))
    case ServerMessageType.rowDescription: self.init(columns: Self.columns(body))
    case ServerMessageType.noData: self.init(columns: 1)
    default: self.init()
    }
  }

  /// Names, types and modifiers, which are what PostgreSQL compares; not the tables that columns
  /// come from, nor the formats, which are the portal's.
  private static func columns(_ body: [UInt8]) -> UInt32 {
    var number = seed
    var position = 2
    while position < body.count, let end = body[position...].firstIndex(of: 0),
      end + 18 < body.count
    {
      add(body[position...end], to: &number)
      // Behind the name: table (4), column (2), type (4), length (2), modifier (4), format (2).
      add(body[(end + 7)...(end + 10)], to: &number)
      add(body[(end + 13)...(end + 16)], to: &number)
      position = end + 19
    }
    return max(2, number)
  }

  private static func number(of body: [UInt8]) -> UInt32 {
    var number = seed
    add(body[...], to: &number)
    return max(1, number)
  }

  /// FNV-1a.
  private static var seed: UInt32 { 2_166_136_261 }
  private static func add(_ bytes: ArraySlice<UInt8>, to number: inout UInt32) {
    for byte in bytes { number = (number ^ UInt32(byte)) &* 16_777_619 }
  }
}
