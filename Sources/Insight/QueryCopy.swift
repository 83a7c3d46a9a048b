/// What one loop has counted, or what it has about some statements, copied for who asks.
public struct QueryCopy: Sendable {
  public private(set) var statements: [QueryStatement] = []
  public private(set) var scopes: [QueryTable.Scope] = []
  private var next = 0

  /// Nothing yet: it is copied in pieces, as the loop has other things to do.
  public init() {}

  /// All that there is about these statements. Of the others nothing is copied.
  public init(of names: [QueryTable.Name], in table: borrowing QueryTable) {
    scopes = table.scopes
    for name in names {
      if let statement = table.statement(name) { statements.append(statement) }
    }
  }

  /// Copies some more of the statements.
  ///
  /// What is counted about those that have given way comes with the first piece, lest one that
  /// gives way meanwhile be counted twice.
  /// - Returns: whether those were the last.
  public mutating func goOn(in table: borrowing QueryTable, count: Int) -> Bool {
    if next == 0 { statements.reserveCapacity(table.statements.count) }
    scopes += table.scopes[min(scopes.count, table.scopes.count)...]
    let end = min(table.statements.count, next + count)
    while next < end {
      statements.append(table.statements[next])
      next += 1
    }
    return next >= table.statements.count
  }
}
