import PostgresWire

// The extended protocol. Statements have no parameters.
extension ConsoleSession {
  mutating func parse(_ body: [UInt8]) {
    extended { session throws(ConsoleError) in
      guard let message = ParseMessage.parse(body) else { throw .malformed }
      guard message.name.isEmpty || session.statements[message.name] == nil else {
        throw ConsoleError(
          "prepared statement \"\(message.name)\" already exists",
          sqlstate: SQLState.duplicatePreparedStatement)
      }
      guard session.statements.count < Self.maximumNames else { throw .tooMany("statements") }
      let commands = try ConsoleParser.parse(message.text)
      guard commands.count <= 1 else {
        throw ConsoleError(
          "cannot insert multiple commands into a prepared statement",
          sqlstate: SQLState.syntaxError)
      }
      session.statements[message.name] = Statement(
        command: commands.first ?? .nothing, parameterTypes: message.parameterTypes)
      session.writer.parseComplete()
    }
  }

  mutating func bind(_ body: [UInt8]) {
    extended { session throws(ConsoleError) in
      guard let message = BindMessage.parse(body) else { throw .malformed }
      guard let statement = session.statements[message.statement] else {
        throw .unknown("prepared statement", message.statement)
      }
      guard message.parameters.count == statement.parameterTypes.count else {
        throw ConsoleError(
          "the statement has \(statement.parameterTypes.count) parameters, "
            + "not \(message.parameters.count)")
      }
      guard message.resultFormats.allSatisfy({ $0 <= 1 }) else {
        throw ConsoleError("unsupported format code", sqlstate: SQLState.invalidParameterValue)
      }
      guard session.portals.count < Self.maximumPortals || session.portals[message.portal] != nil
      else { throw .tooMany("portals") }
      session.portals[message.portal] = Portal(
        command: statement.command, formats: message.resultFormats)
      session.writer.bindComplete()
    }
  }

  mutating func describe(_ body: [UInt8]) {
    extended { session throws(ConsoleError) in
      guard let message = NamingMessage.parse(body) else { throw .malformed }
      let columns: [TableColumn]?
      var formats: [UInt16] = []
      switch message.object {
      case .statement:
        guard let statement = session.statements[message.name] else {
          throw .unknown("prepared statement", message.name)
        }
        session.writer.parameterDescription(statement.parameterTypes)
        columns = session.columns(of: statement.command)
      case .portal:
        guard let portal = session.portals[message.name] else {
          throw .unknown("portal", message.name)
        }
        columns = session.columns(of: portal.command)
        formats = portal.formats
      }
      if let columns {
        ConsoleTable.describe(columns, in: &session.writer, formats: formats)
      } else {
        session.writer.noData()
      }
    }
  }

  private func columns(of command: ConsoleCommand) -> [TableColumn]? {
    hasOldColumns ? OldColumns.columns(of: command) : command.columns
  }

  mutating func execute(_ body: [UInt8]) {
    extended { session throws(ConsoleError) in
      guard let message = ExecuteMessage.parse(body) else { throw .malformed }
      guard let portal = session.portals[message.portal] else {
        throw .unknown("portal", message.portal)
      }
      let rows = Int(message.maximumRows)
      session.sink = .portal(message.portal, maximumRows: rows)
      if let table = portal.table {
        session.begin(table, from: portal.sent, rows: rows)
      } else {
        session.begin(portal.command)
      }
    }
  }

  mutating func close(_ body: [UInt8]) {
    extended { session throws(ConsoleError) in
      guard let message = NamingMessage.parse(body) else { throw .malformed }
      switch message.object {
      case .statement: session.statements[message.name] = nil
      case .portal: session.portals[message.name] = nil
      }
      session.writer.closeComplete()
    }
  }

  /// Handles an extended message. After an error what follows is passed over up to the Sync.
  private mutating func extended(
    _ handle: (inout ConsoleSession) throws(ConsoleError) -> Void
  ) {
    sink = .portal("", maximumRows: 0)
    do throws(ConsoleError) {
      try handle(&self)
    } catch {
      sink = .portal("", maximumRows: 0)
      failed(error)
    }
  }
}

extension ConsoleError {
  fileprivate static let malformed = ConsoleError("malformed message")

  fileprivate static func unknown(_ kind: String, _ name: String) -> ConsoleError {
    ConsoleError(
      "\(kind) \"\(name)\" does not exist",
      sqlstate: kind == "portal" ? "34000" : SQLState.invalidSQLStatementName)
  }

  fileprivate static func tooMany(_ what: String) -> ConsoleError {
    ConsoleError("too many \(what)", sqlstate: SQLState.configurationLimitExceeded)
  }
}
