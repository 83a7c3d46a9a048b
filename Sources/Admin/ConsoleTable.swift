import PostgresWire

/// What a SHOW command answers: columns and rows.
public struct ConsoleTable: Equatable, Sendable {
  public var columns: [TableColumn]
  /// Behind the others; only conditions see them.
  public var hiddenColumns: [TableColumn]
  public var rows: [[ConsoleValue]]

  public init(
    columns: [TableColumn], hidden: [TableColumn] = [], rows: [[ConsoleValue]] = []
  ) {
    self.columns = columns
    hiddenColumns = hidden
    self.rows = rows
  }

  /// A table of that kind.
  public init(_ kind: ShowTable, _ rows: [[ConsoleValue]] = []) {
    self.init(columns: kind.columns, hidden: kind.hiddenColumns, rows: rows)
  }

  /// The rows for which all conditions hold. Columns that are not there match nothing.
  public func filtered(by filters: [TableFilter]) -> ConsoleTable {
    if filters.isEmpty { return self }
    let all = columns + hiddenColumns
    let places = filters.map { filter in all.firstIndex { $0.name == filter.column } }
    var table = self
    table.rows = rows.filter { row in
      zip(filters, places).allSatisfy { filter, place in
        place.map { $0 < row.count && filter.holds(row[$0]) } ?? false
      }
    }
    return table
  }

  func describe(in writer: inout MessageWriter, formats: [UInt16] = []) {
    Self.describe(columns, in: &writer, formats: formats)
  }

  static func describe(
    _ columns: [TableColumn], in writer: inout MessageWriter, formats: [UInt16] = []
  ) {
    writer.rowDescription(columns.map { $0.type.column($0.name) }, formats: formats)
  }

  /// Writes the rows of a range, each as a DataRow.
  func write(_ range: Range<Int>, in writer: inout MessageWriter, formats: [UInt16] = []) {
    for row in rows[range] {
      writer.dataRow(
        bytes: columns.indices.map { index in
          let format = formats.count > 1 ? formats[min(index, formats.count - 1)] : formats.first
          return row[index].bytes(as: columns[index].type, isBinary: format == 1)
        })
    }
  }
}

/// A condition of `SHOW ... WHERE`.
public struct TableFilter: Equatable, Sendable {
  public enum Comparison: Equatable, Sendable {
    case equal
    case unequal
  }

  public var column: String
  public var comparison: Comparison
  public var value: String

  public init(_ column: String, _ comparison: Comparison, _ value: String) {
    self.column = column
    self.comparison = comparison
    self.value = value
  }

  func holds(_ found: ConsoleValue) -> Bool {
    // As in SQL, NULL is neither equal nor unequal to anything.
    guard let text = found.string else { return false }
    return (text == value) == (comparison == .equal)
  }
}
