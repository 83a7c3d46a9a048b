extension WireClient {
  /// Sends a startup packet and reads up to ReadyForQuery. Throws the server's error.
  func logIn(
    user: String, database: String, parameters: [String: String] = [:], password: String? = nil
  ) throws {
    let exchange = try startUp(
      [("user", user), ("database", database)] + parameters.sorted { $0.key < $1.key },
      password: password)
    _ = try exchange.checked()
  }

  /// The same with any parameters; errors are in what it returns.
  func startUp(
    _ parameters: [(String, String)], password: String? = nil, version: Int = 196_608
  ) throws -> Exchange {
    try send(Frame.startup(parameters, version: version))
    var exchange = Exchange()
    for _ in 0..<1000 {
      guard let message = try receive() else {
        exchange.isClosed = true
        return exchange
      }
      exchange.messages.append(message)
      switch message.type {
      case "Z":
        return exchange
      case "R" where message.int32(at: 0) == 3:
        try send(Frame.password(password ?? ""))
      case "R" where message.int32(at: 0) != 0:
        throw HarnessError("this client cannot do authentication \(message.int32(at: 0))")
      default:
        continue
      }
    }
    throw HarnessError("a thousand messages and no ReadyForQuery")
  }

  /// Reads up to the next ReadyForQuery or to the end of the connection.
  func receiveUntilReady() throws -> Exchange {
    try receive { $0 == "Z" }
  }

  /// Reads up to and with the first message whose type satisfies `isLast`.
  func receive(until isLast: (Character) -> Bool) throws -> Exchange {
    var exchange = Exchange()
    while let message = try receive() {
      exchange.messages.append(message)
      if isLast(message.type) { return exchange }
    }
    exchange.isClosed = true
    return exchange
  }

  /// A simple query; its errors are in what it returns.
  @discardableResult
  func query(_ sql: String) throws -> Exchange {
    try send(Frame.query(sql))
    return try receiveUntilReady()
  }

  /// One statement by the extended protocol.
  @discardableResult
  func extended(_ sql: String, _ values: [String] = []) throws -> Exchange {
    try send(Frame.extended(sql, values))
    return try receiveUntilReady()
  }

  /// Messages of the extended protocol, and a Sync behind them.
  func batch(_ messages: [UInt8]...) throws -> Exchange {
    try send(messages.flatMap(\.self) + Frame.sync)
    return try receiveUntilReady()
  }

  /// The first value of the first row; throws the server's error.
  func value(_ sql: String) throws -> String? {
    try query(sql).checked().value
  }

  /// Ends in the orderly way.
  func terminate() {
    try? send(Frame.terminate)
    close()
  }
}
