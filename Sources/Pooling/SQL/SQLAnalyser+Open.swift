/// SELECT set_config(...) where parameters tell what is set: so SQLAlchemy has it of
/// `func.set_config("app.tenant_id", tenant, True)`.
extension SQLAnalyser {
  static func openAssignment(
    _ statement: SQLStatement, _ bytes: [UInt8]
  ) -> SQLAnalysis.OpenAssignment? {
    guard statement.word(0) == "select", statement.count <= SQLStatement.maxParts else {
      return nil
    }
    var index = 1
    skipCatalog(statement, &index)
    guard statement.identifier(index) == "set_config", statement.isSymbol("(", at: index + 1)
    else { return nil }
    index += 2
    guard let name = callValue(statement, &index, bytes), statement.isSymbol(",", at: index)
    else { return nil }
    index += 1
    guard let value = callValue(statement, &index, bytes), statement.isSymbol(",", at: index)
    else { return nil }
    index += 1
    guard let isLocal = flag(statement, &index, bytes), statement.isSymbol(")", at: index),
      let column = columnName(statement, at: index + 1)
    else { return nil }
    let open = SQLAnalysis.OpenAssignment(
      name: name, value: value, isLocal: isLocal, columnName: column)
    return open.isOpen ? open : nil
  }

  /// `true`, `false` or a parameter, perhaps cast to bool.
  private static func flag(
    _ statement: SQLStatement, _ index: inout Int, _ bytes: [UInt8]
  ) -> SQLAnalysis.OpenAssignment.Flag? {
    guard index < statement.count else { return nil }
    defer { index += 1 }
    if let word = statement.word(index), word == "true" || word == "false" {
      return .constant(word == "true")
    }
    let part = statement.parts[index]
    guard part.kind == .parameter, let number = parameter(bytes[part.content.dropFirst()]) else {
      return nil
    }
    if statement.isSymbol(":", at: index + 1), statement.isSymbol(":", at: index + 2),
      let type = statement.word(index + 3), type == "bool" || type == "boolean"
    {
      index += 3
    }
    return .parameter(number)
  }
}

extension SQLAnalysis {
  /// `SELECT set_config(name, value, is_local)` with constants and parameters.
  public struct OpenAssignment: Equatable, Sendable {
    public enum Flag: Equatable, Sendable {
      case constant(Bool)
      case parameter(Int)
    }

    public var name: SoleAssignment.Value
    public var value: SoleAssignment.Value
    public var isLocal: Flag
    public var columnName: String

    public init(
      name: SoleAssignment.Value, value: SoleAssignment.Value, isLocal: Flag, columnName: String
    ) {
      self.name = name
      self.value = value
      self.isLocal = isLocal
      self.columnName = columnName
    }

    /// The parameters in it.
    public var parameters: [Int] {
      var numbers: [Int] = []
      for value in [name, value] {
        if case .parameter(let number) = value { numbers.append(number) }
      }
      if case .parameter(let number) = isLocal { numbers.append(number) }
      return numbers
    }

    /// What is set, or for how long, is a parameter's to tell.
    var isOpen: Bool {
      if case .parameter = name { return true }
      if case .parameter = isLocal { return true }
      return false
    }
  }
}
