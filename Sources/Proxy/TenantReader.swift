import Pooling
import PostgresWire
import Tenancy

/// What reads the table of tenants: a connection of the pooler's own, and what is to be asked.
///
/// It belongs to the loop `Pooler.hubLoop` alone, and to no pool. Others reach it by mail.
/// Questions go out several at a time, each with a Sync of its own, so that one that fails leaves
/// the others alone.
///
/// | state | becomes | by |
/// |---|---|---|
/// | closed | opening | a question |
/// | opening | open | the login |
/// | opening | closed | a failed login: all who wait are refused, as is who asks before `retryAt` |
/// | open | closed | its loss, or no question for `idleMicroseconds` |
final class TenantReader {
  /// One tenant that is asked for.
  struct Question {
    let name: TenantName
    /// The loops on which somebody waits; none where it is only asked for anew.
    var loops: Set<Int32>
    /// When it was sent.
    var askedAt: UInt64 = 0
    /// It has been sent once already, on a connection that proved to be dead.
    var isRepeated = false
  }

  let route: Route
  let query: String
  let lifetime: UInt64
  /// The most questions that wait.
  let limit: Int
  /// Of the configuration; see `TenantRows`.
  let epoch: UInt64
  /// The connection; nil while closed.
  var server: ServerPointer?
  var isOpen = false
  /// Sent, in their order.
  private(set) var asked: [Question] = []
  /// To be sent, in their order.
  private(set) var waiting: [Question] = []
  /// The answer to the first of `asked`, as far as it has come.
  var answer = TableAnswer()
  /// Something has been answered on this connection.
  var hasAnswered = false
  var heardAt: UInt64 = 0
  /// When the next attempt to connect is allowed, what went wrong with the last one, and what the
  /// one after it is kept waiting.
  var retryAt: UInt64 = 0
  private var pause: UInt64 = 0

  static let idleMicroseconds: UInt64 = 30_000_000
  static let firstPause: UInt64 = 200_000
  static let longestPause: UInt64 = 5_000_000
  /// Without server_connect_timeout.
  static let standardTimeout: UInt64 = 15_000_000
  /// Questions that are on their way at once.
  static let askedAtOnce = 16
  /// How long a question without an answer is not asked again.
  static let faultLifetime: UInt64 = 1_000_000

  init(route: Route, query: String, lifetime: UInt64, limit: Int, epoch: UInt64) {
    self.route = route
    self.query = query
    self.lifetime = lifetime
    self.limit = limit
    self.epoch = epoch
  }

  /// How long an answer may take.
  var timeout: UInt64 {
    route.connectTimeout == 0 ? Self.standardTimeout : route.connectTimeout
  }

  var isIdle: Bool { asked.isEmpty && waiting.isEmpty }

  /// Adds a question, or somebody who waits for its answer.
  /// - Parameter loops: none: nobody waits.
  /// - Returns: false: too many wait already.
  func add(_ name: TenantName, for loops: Set<Int32>) -> Bool {
    if let index = asked.firstIndex(where: { $0.name == name }) {
      asked[index].loops.formUnion(loops)
    } else if let index = positions[name] {
      waiting[index - taken].loops.formUnion(loops)
    } else {
      guard waiting.count < limit else { return false }
      positions[name] = waiting.count + taken
      waiting.append(Question(name: name, loops: loops))
    }
    return true
  }

  /// Where those that wait stand, counted from the first that ever did.
  private var positions: [TenantName: Int] = [:]
  private var taken = 0

  /// Takes the questions that are to be sent now.
  func takeToAsk(now: UInt64) -> [TenantName] {
    let count = min(Self.askedAtOnce - asked.count, waiting.count)
    guard count > 0 else { return [] }
    let next = waiting.prefix(count)
    for question in next {
      positions[question.name] = nil
      asked.append(question)
      asked[asked.count - 1].askedAt = now
    }
    waiting.removeFirst(count)
    taken += count
    return next.map(\.name)
  }

  /// The first question that was sent has been answered.
  func takeAnswered() -> Question? { asked.isEmpty ? nil : asked.removeFirst() }

  /// Takes all questions, of which there will be no answer.
  func takeAll() -> [Question] {
    defer {
      asked = []
      waiting = []
      positions = [:]
      taken = 0
    }
    return asked + waiting
  }

  /// The connection is gone.
  /// - Parameters:
  ///   - isFault: the next attempt is put off.
  ///   - repeats: it may have been dead for long: what was sent on one that had answered before is
  ///     sent once more.
  /// - Returns: whether questions wait for another connection.
  func closed(now: UInt64, isFault: Bool, repeats: Bool) -> Bool {
    let mayRepeat = repeats && hasAnswered
    server = nil
    isOpen = false
    hasAnswered = false
    answer = TableAnswer()
    guard isFault else { return !isIdle }
    if mayRepeat, asked.allSatisfy({ !$0.isRepeated }) {
      for var question in takeAll() {
        question.isRepeated = true
        positions[question.name] = waiting.count
        waiting.append(question)
      }
      return !waiting.isEmpty
    }
    pause = min(max(pause * 2, Self.firstPause), Self.longestPause)
    retryAt = now &+ pause
    return false
  }

  /// The login has come through.
  func opened(now: UInt64) {
    isOpen = true
    heardAt = now
    pause = 0
    retryAt = 0
  }
}

/// The answer to one question, message by message.
struct TableAnswer {
  private var names: [String] = []
  private var values: [[UInt8]?]?
  private var hasSeveral = false
  private var problem: String?
  private(set) var error: ErrorFields?

  /// The longest row, in bytes of its values.
  static let longestRow = 16_384

  /// Takes a message.
  mutating func take(_ type: UInt8, _ body: [UInt8]) {
    switch type {
    case ServerMessageType.rowDescription:
      if let names = RowDescription.names(body) {
        self.names = names
      } else {
        problem = "a malformed answer"
      }
    case ServerMessageType.dataRow:
      if values != nil { hasSeveral = true }
      if let row = DataRow.parse(body) { values = row } else { problem = "a malformed answer" }
    case ServerMessageType.errorResponse:
      error =
        ErrorFields.parse(body)
        ?? ErrorFields(severity: "ERROR", sqlstate: "XX000", message: "an error without a text")
    default: break
    }
  }

  /// What the answer says of a tenant.
  func content(_ name: TenantName, _ rules: TenancyRules) -> TenantRows.Answer.Content {
    if let problem { return .refused(.unusableRow(reason: problem)) }
    guard let values else { return .refused(.unknownTenant(name)) }
    if hasSeveral { return .refused(.unusableRow(reason: "there are several")) }
    guard values.count == names.count else {
      return .refused(.unusableRow(reason: "a malformed answer"))
    }
    guard values.reduce(0, { $0 + ($1?.count ?? 0) }) <= Self.longestRow else {
      return .refused(.unusableRow(reason: "it is longer than \(Self.longestRow) bytes"))
    }
    var columns: [(name: String, value: String?)] = []
    for (column, value) in zip(names, values) {
      guard let value else {
        columns.append((column, nil))
        continue
      }
      guard let text = String(validating: value, as: UTF8.self) else {
        return .refused(.unusableRow(reason: "a value is not UTF-8"))
      }
      columns.append((column, text))
    }
    do {
      return .row(try TenantRow(columns, for: name, rules: rules).override)
    } catch {
      return .refused(.unusableRow(reason: error.message))
    }
  }
}
