import PostgresWire

/// The types that columns of the console's tables have.
public enum ColumnType: Equatable, Sendable {
  case text
  case int4
  case int8
  case numeric
  case bytea

  var column: (String) -> RowColumn {
    switch self {
    case .text: RowColumn.text
    case .int4: RowColumn.integer
    case .int8: RowColumn.bigint
    case .numeric: RowColumn.numeric
    case .bytea: { RowColumn(name: $0, typeOID: 17) }
    }
  }
}

/// A column of one of the console's tables.
public struct TableColumn: Equatable, Sendable {
  public var name: String
  public var type: ColumnType

  public init(_ name: String, _ type: ColumnType) {
    self.name = name
    self.type = type
  }
}
