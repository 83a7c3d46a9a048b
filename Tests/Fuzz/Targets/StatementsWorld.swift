import Pooling
import PostgresWire

/// Clients, servers and the registry between them. What Sluice does for a message is done here with
/// the same parts as in the proxy, in the same order.
struct StatementsWorld {
  /// A client, and beside it the names that it would have, were it alone with a server.
  struct Client {
    var statements = ClientStatements()
    var names: [[UInt8]: [UInt8]] = [:]
    /// It has a statement that no other server has.
    var isPinned = false
  }

  static let names: [[UInt8]] = [
    Array("a".utf8), Array("b".utf8), Array(repeating: 0x63, count: 63), [0xff],
  ]
  /// Texts, NUL and no types; of several lengths, so that what is spare is counted in bytes.
  static let tails: [[UInt8]] = (0..<4).map { number in
    Array(repeating: UInt8(ascii: "x"), count: 4 * number + 1) + [0, 0, 0]
  }
  static let spareLimit = 24

  var registry = StatementRegistry(spareLimit: spareLimit)
  var clients = [Client(), Client()]
  var servers = [StatementServer(), StatementServer()]
  /// Who has which server now.
  var client = 0
  var place = 0
  let limit: Int

  init(limit: Int) { self.limit = limit }

  var server: StatementServer { servers[place] }

  mutating func step(_ kind: Int, about: Int) throws(Finding) {
    let name = Self.names[about & 3]
    switch kind {
    case 0, 1, 2: parse(name, Self.tails[about >> 2])
    case 3, 4: bind(name)
    case 5: close(name)
    case 6: parseUnnamed()
    case 7: parseLong(name)
    case 8, 9: sync()
    case 10, 11:
      for _ in 0...(about >> 1) where server.canRun { try run(fails: about & 1 == 1) }
    case 12:
      for _ in 0...about where !server.output.isEmpty { try deliver() }
    case 13, 14:
      try settle()
      if kind == 14 { try lease(client: about & 1, place: about >> 1 & 1) }
    default: try leave()
    }
    try checkReferences()
  }

  /// Everything is answered.
  mutating func settle() throws(Finding) {
    if !server.ledger.hasRoom { try drain() }
    sync()
    try drain()
    try check(server.isQuiet, "not quiet in the end")
    try checkQuiet()
  }

  private mutating func drain() throws(Finding) {
    while server.canRun { try run(fails: false) }
    while !server.output.isEmpty { try deliver() }
  }

  mutating func end() throws(Finding) {
    try settle()
    for server in servers { try server.checkEach() }
    for index in clients.indices {
      client = index
      try leave()
    }
    try check(registry.byteCount <= Self.spareLimit, "\(registry.byteCount) bytes are left")
  }

  private mutating func lease(client newClient: Int, place newPlace: Int) throws(Finding) {
    if clients[client].isPinned || clients[newClient].isPinned { return }
    client = newClient
    place = newPlace
    try checkQuiet()
  }

  /// The client goes. Its server is closed if something is under way.
  private mutating func leave() throws(Finding) {
    for reference in clients[client].statements.removeAll() { registry.release(reference.index) }
    if !server.isQuiet {
      servers[place] = StatementServer()
    } else if clients[client].isPinned {
      server.discardAll()
    }
    clients[client] = Client()
  }

  private mutating func run(fails: Bool) throws(Finding) {
    switch try server.run(fails: fails) {
    case .none: break
    case .prepare(let name, let tail): clients[client].names[name] = tail
    case .deallocate(let name): clients[client].names[name] = nil
    }
  }

  // MARK: checks

  /// A statement that some client has is there.
  private func checkReferences() throws(Finding) {
    for client in clients {
      for reference in client.statements.references where reference.index >= 0 {
        let tail = registry.tail(reference.index)
        try check(tail.count == reference.byteCount, "a statement in use is gone")
      }
    }
  }

  private func checkQuiet() throws(Finding) {
    try server.checkQuiet(limit: limit)
    let statements = clients[client].statements
    try check(!statements.hasUndos, "changes are left undecided")
    try check(statements.count == clients[client].names.count, "\(statements.count) names")
    var bytes = 0
    for (name, tail) in clients[client].names {
      guard let reference = statements.find(name.span.bytes, at: 0, count: name.count) else {
        throw Finding("a name is gone")
      }
      if reference.index >= 0 {
        try check(registry.tail(reference.index) == tail, "a name has another statement")
      }
      bytes += reference.byteCount
    }
    try check(statements.byteCount == bytes, "\(statements.byteCount) bytes, not \(bytes)")
    var live: [StatementRegistry.Index: Int] = [:]
    for client in clients {
      for reference in client.statements.references where reference.index >= 0 {
        live[reference.index] = reference.byteCount
      }
    }
    let spare = registry.byteCount - live.values.reduce(0, +)
    try check((0...Self.spareLimit).contains(spare), "\(spare) bytes are spare")
  }
}
