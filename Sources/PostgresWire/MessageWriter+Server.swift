/// Messages that a server sends.
extension MessageWriter {
  public mutating func authenticationOk() { authentication(0) }

  public mutating func authenticationCleartextPassword() { authentication(3) }

  /// - Parameter salt: 4 bytes.
  public mutating func authenticationMD5Password(salt: [UInt8]) {
    precondition(salt.count == 4, "an MD5 salt has 4 bytes")
    authentication(5, salt)
  }

  /// - Parameter mechanisms: names in order of preference; empty ones are left out, as an
  ///   empty name ends the list.
  public mutating func authenticationSASL(mechanisms: [String]) {
    let start = begin(ServerMessageType.authentication)
    append(UInt32(10))
    for mechanism in mechanisms where mechanism.utf8.contains(where: { $0 != 0 }) {
      append(cString: mechanism)
    }
    bytes.append(0)
    end(start)
  }

  public mutating func authenticationSASLContinue(_ data: [UInt8]) { authentication(11, data) }

  public mutating func authenticationSASLFinal(_ data: [UInt8]) { authentication(12, data) }

  private mutating func authentication(_ code: UInt32, _ data: [UInt8] = []) {
    let start = begin(ServerMessageType.authentication)
    append(code)
    bytes += data
    end(start)
  }

  public mutating func parameterStatus(name: String, value: String) {
    let start = begin(ServerMessageType.parameterStatus)
    append(cString: name)
    append(cString: value)
    end(start)
  }

  public mutating func backendKeyData(_ key: CancelKey) {
    let start = begin(ServerMessageType.backendKeyData)
    append(key.processID)
    bytes += key.secret
    end(start)
  }

  /// - Parameter status: `I` idle, `T` in a transaction, `E` in a failed one.
  public mutating func readyForQuery(status: UInt8) {
    message(ServerMessageType.readyForQuery, body: [status])
  }

  public mutating func errorResponse(
    severity: String, sqlstate: String, message: String, detail: String? = nil,
    hint: String? = nil
  ) {
    report(
      ServerMessageType.errorResponse,
      ErrorFields(
        severity: severity, sqlstate: sqlstate, message: message, detail: detail, hint: hint))
  }

  public mutating func noticeResponse(
    severity: String, sqlstate: String, message: String, detail: String? = nil,
    hint: String? = nil
  ) {
    report(
      ServerMessageType.noticeResponse,
      ErrorFields(
        severity: severity, sqlstate: sqlstate, message: message, detail: detail, hint: hint))
  }

  private mutating func report(_ type: UInt8, _ fields: ErrorFields) {
    let start = begin(type)
    for (code, text) in fields.codedFields {
      bytes.append(code)
      append(cString: text)
    }
    bytes.append(0)
    end(start)
  }

  /// - Parameters:
  ///   - minorVersion: of protocol 3, as it is spoken from now on. The message carries the
  ///     whole version, as PostgreSQL writes it.
  ///   - unrecognised: names of the protocol options that are not known.
  public mutating func negotiateProtocolVersion(minorVersion: Int, unrecognised: [String]) {
    let start = begin(ServerMessageType.negotiateProtocolVersion)
    append(UInt32(3) << 16 | UInt32(UInt16(clamping: minorVersion)))
    append(UInt32(unrecognised.count))
    for name in unrecognised { append(cString: name) }
    end(start)
  }

  /// - Parameter tag: such as `SELECT 1`.
  public mutating func commandComplete(_ tag: String) {
    let start = begin(ServerMessageType.commandComplete)
    append(cString: tag)
    end(start)
  }

  /// Columns that stem from no table; at most 65,535.
  /// - Parameter formats: as a Bind has them: none for text, one for all columns, or one for each.
  public mutating func rowDescription(_ columns: [RowColumn], formats: [UInt16] = []) {
    let start = begin(ServerMessageType.rowDescription)
    let count = append(count: columns.count)
    for (index, column) in columns.prefix(count).enumerated() {
      append(cString: column.name)
      append(UInt32(0))  // table
      append(UInt16(0))  // attribute number
      append(column.typeOID)
      append(UInt16(bitPattern: column.typeSize))
      append(UInt32.max)  // type modifier: none
      append(formats.count > 1 ? formats[min(index, formats.count - 1)] : formats.first ?? 0)
    }
    end(start)
  }

  /// Values as bytes, nil for NULL; at most 65,535.
  public mutating func dataRow(bytes values: [[UInt8]?]) {
    let start = begin(ServerMessageType.dataRow)
    let count = append(count: values.count)
    for value in values.prefix(count) { append(value: value) }
    end(start)
  }

  /// Values in text format, nil for NULL; at most 65,535. Lengths frame them, so NULs stay.
  public mutating func dataRow(_ values: [String?]) {
    let start = begin(ServerMessageType.dataRow)
    let count = append(count: values.count)
    for value in values.prefix(count) { append(value: value?.utf8) }
    end(start)
  }

  public mutating func emptyQueryResponse() { message(ServerMessageType.emptyQueryResponse) }
  public mutating func parseComplete() { message(ServerMessageType.parseComplete) }
  public mutating func bindComplete() { message(ServerMessageType.bindComplete) }
  public mutating func closeComplete() { message(ServerMessageType.closeComplete) }
  public mutating func portalSuspended() { message(ServerMessageType.portalSuspended) }
  public mutating func noData() { message(ServerMessageType.noData) }

  /// - Parameter typeOIDs: one for each parameter; at most 65,535.
  public mutating func parameterDescription(_ typeOIDs: [UInt32]) {
    let start = begin(ServerMessageType.parameterDescription)
    let count = append(count: typeOIDs.count)
    for typeOID in typeOIDs.prefix(count) { append(typeOID) }
    end(start)
  }
}
