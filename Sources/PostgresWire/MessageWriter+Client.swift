/// Messages that a client sends.
extension MessageWriter {
  /// What Describe and Close are about.
  public enum NamedObject: UInt8, Sendable {
    case statement = 0x53
    case portal = 0x50
  }

  /// A StartupMessage of protocol 3.
  ///
  /// Parameters without a name are left out, as an empty name ends the list. A server takes
  /// no packet above ``StartupPacket/maximumBytes``.
  public mutating func startup(parameters: [StartupParameter], minorVersion: Int = 0) {
    let start = beginUntyped()
    append(UInt32(3) << 16 | UInt32(UInt16(clamping: minorVersion)))
    for parameter in parameters where parameter.name.utf8.contains(where: { $0 != 0 }) {
      append(cString: parameter.name)
      append(cString: parameter.value)
    }
    bytes.append(0)
    end(start)
  }

  public mutating func sslRequest() {
    let start = beginUntyped()
    append(UInt32(1234) << 16 | 5679)
    end(start)
  }

  public mutating func cancelRequest(_ key: CancelKey) {
    let start = beginUntyped()
    append(UInt32(1234) << 16 | 5678)
    append(key.processID)
    bytes += key.secret
    end(start)
  }

  /// A PasswordMessage.
  public mutating func password(_ password: [UInt8]) {
    let start = begin(ClientMessageType.password)
    append(cString: password)
    end(start)
  }

  public mutating func saslInitialResponse(mechanism: String, data: [UInt8]) {
    let start = begin(ClientMessageType.password)
    append(cString: mechanism)
    append(value: data)
    end(start)
  }

  public mutating func saslResponse(_ data: [UInt8]) {
    message(ClientMessageType.password, body: data)
  }

  public mutating func query(_ text: String) {
    let start = begin(ClientMessageType.query)
    append(cString: text)
    end(start)
  }

  /// - Parameters:
  ///   - name: of the statement; empty for the unnamed one.
  ///   - parameterTypes: OIDs, 0 for a type to be inferred; at most 65,535.
  public mutating func parse(name: String = "", query: String, parameterTypes: [UInt32] = []) {
    let start = begin(ClientMessageType.parse)
    append(cString: name)
    append(cString: query)
    let count = append(count: parameterTypes.count)
    for type in parameterTypes.prefix(count) { append(type) }
    end(start)
  }

  /// Parameters and results in text format.
  ///
  /// - Parameter parameters: values in the client's encoding, nil for NULL; at most 65,535.
  public mutating func bind(
    portal: String = "", statement: String = "", parameters: [[UInt8]?] = []
  ) {
    let start = begin(ClientMessageType.bind)
    append(cString: portal)
    append(cString: statement)
    append(UInt16(0))  // all parameters in text format
    let count = append(count: parameters.count)
    for parameter in parameters.prefix(count) { append(value: parameter) }
    append(UInt16(0))  // all results in text format
    end(start)
  }

  public mutating func describe(_ object: NamedObject, name: String = "") {
    let start = begin(ClientMessageType.describe)
    bytes.append(object.rawValue)
    append(cString: name)
    end(start)
  }

  public mutating func close(_ object: NamedObject, name: String = "") {
    let start = begin(ClientMessageType.close)
    bytes.append(object.rawValue)
    append(cString: name)
    end(start)
  }

  /// - Parameter maximumRows: 0 for all.
  public mutating func execute(portal: String = "", maximumRows: UInt32 = 0) {
    let start = begin(ClientMessageType.execute)
    append(cString: portal)
    append(maximumRows)
    end(start)
  }

  public mutating func sync() { message(ClientMessageType.sync) }
  public mutating func flush() { message(ClientMessageType.flush) }
  public mutating func terminate() { message(ClientMessageType.terminate) }
}
