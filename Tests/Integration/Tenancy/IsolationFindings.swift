import Synchronization

/// What the clients of a run have found.
final class IsolationFindings: Sendable {
  struct State: Sendable {
    /// A value of another tenant, or a statement that ran for nobody.
    var foreign: [String] = []
    /// An answer that did not come.
    var stalls: [String] = []
    var values = 0
    var acts: [String: Int] = [:]
    var errors: [String: Int] = [:]
    var connections = 0
    var ended = 0
  }

  /// Guards what all clients' threads add to.
  private let state = Mutex(State())

  var all: State { state.withLock { $0 } }
  var hasForeign: Bool { state.withLock { !$0.foreign.isEmpty } }

  func change(_ body: (inout sending State) -> Void) { state.withLock { body(&$0) } }
}

/// What one client of a tenant may be told.
struct IsolationCheck: Sendable {
  let tenant: String
  let place: String
  let memory: String

  init(_ number: Int) {
    tenant = IsolationDatabase.tenant(number)
    place = IsolationDatabase.place(number)
    memory = IsolationDatabase.memory(number)
  }

  /// How many values in a message tell whom it is for.
  func values(_ message: ServerMessage) -> [String] {
    switch message.type {
    case "D": return message.columns.map { $0 ?? "" }
    case "V":
      let length = message.int32(at: 0)
      return length < 0 ? [""] : [String(decoding: message.body.dropFirst(4), as: UTF8.self)]
    case "d":
      let text = String(decoding: message.body, as: UTF8.self)
      return text.split { $0 == "\t" || $0 == "\n" }.map(String.init)
    case "A": return [message.strings(from: 4)[1]]
    case "N": return [ServerError(message).message].filter { $0.first == "t" }
    default: return []
    }
  }

  /// Whether a value is another's, or nobody's.
  func isForeign(_ value: String) -> Bool {
    if value.isEmpty { return true }
    if value.hasPrefix("p:") { return value != place }
    if value.hasPrefix("w:") { return value != memory }
    guard value.first == "t", value.dropFirst().allSatisfy(\.isNumber), value.utf8.count > 1
    else { return false }
    return value != tenant
  }

  /// Whether an error could only come to a statement under another's settings, or under none.
  func isForeign(_ error: ServerError) -> Bool {
    if error.sqlstate == "42501" { return error.message.contains("row-level security") }
    return error.sqlstate == "42704" && error.message.contains("app.tenant_id")
  }
}
