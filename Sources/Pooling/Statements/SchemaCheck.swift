import PostgresWire

/// A question to a server: what shape do these prepared statements have now? Asked before a client
/// that was told their shape under an older schema uses them again.
///
/// Per statement goes a Parse, where the server lacks it, and a Describe; then one Sync. The server
/// answers in that order, up to the first error.
public struct SchemaCheck: Sendable {
  public struct Item: Equatable, Sendable {
    public var index: StatementRegistry.Index
    public var serial: UInt64
    /// A Parse of it goes in front.
    public var isParsed: Bool
    /// What the server has told.
    public var shape = StatementShape()
    /// The server has answered all of it.
    public var isAnswered = false
  }

  /// The most statements that one question is about.
  public static let limit = 64

  public private(set) var items: [Item] = []
  /// The one that the server answers.
  private var place = 0
  private var hasParsed = false

  public init() {}

  public var isEmpty: Bool { items.isEmpty }
  public var isFull: Bool { items.count == Self.limit }

  public func contains(_ index: StatementRegistry.Index) -> Bool {
    items.contains { $0.index == index }
  }

  public mutating func add(_ index: StatementRegistry.Index, serial: UInt64, isParsed: Bool) {
    items.append(Item(index: index, serial: serial, isParsed: isParsed))
  }

  /// Takes an answer.
  /// - Returns: the serial of a statement that the server has from now on.
  public mutating func answer(_ type: UInt8, _ body: [UInt8]) -> UInt64? {
    guard place < items.count else { return nil }
    if type == ServerMessageType.parseComplete {
      hasParsed = true
      return items[place].serial
    }
    items[place].shape.learn(StatementShape(type, body))
    if type != ServerMessageType.parameterDescription {
      items[place].isAnswered = true
      place += 1
      hasParsed = false
    }
    return nil
  }

  /// The statements whose Parse the server has not answered, once it has answered all it will.
  public var unparsed: [UInt64] {
    items[place...].enumerated().filter { $0.element.isParsed && !($0.offset == 0 && hasParsed) }
      .map(\.element.serial)
  }
}
