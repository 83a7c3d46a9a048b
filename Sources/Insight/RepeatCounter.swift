/// Counts how often one client runs the same reading statement within one piece of work.
///
/// A piece of work is a transaction; or, where each statement is one of its own, a *request*:
/// statements with the same trace, or, without traces, the same statement in unbroken succession,
/// each begun within `longestGap` of the last one's end.
public struct RepeatCounter: Sendable {
  /// Microseconds.
  public static let longestGap: UInt64 = 50_000
  /// Statements that are counted at the same time.
  private static let most = 8

  private struct Tally: Sendable {
    var hash: UInt64
    var count: UInt32
  }

  /// What a transaction with more than one statement reads by.
  private var transaction: [Tally] = []
  /// Statements of the transaction, whatever they do, and the first one.
  private var statements: UInt32 = 0
  private var first: (hash: UInt64, trace: UInt64, start: UInt64) = (0, 0, 0)
  /// What the request of a trace reads by.
  private var traced: [Tally] = []
  private var trace: UInt64 = 0
  /// What is read by in unbroken succession, without a trace.
  private var succession = Tally(hash: 0, count: 0)
  private var lastEnd: UInt64 = 0

  public init() {}

  /// A statement has been run.
  /// - Parameters:
  ///   - hash: of its fingerprint; 0: it does not read, and is not counted.
  ///   - trace: of its trace; 0: it has none.
  /// - Returns: how often it was run in the transaction.
  public mutating func add(_ hash: UInt64, trace: UInt64, start: UInt64) -> UInt32 {
    statements &+= 1
    if statements == 1 {
      first = (hash, trace, start)
      return hash == 0 ? 0 : 1
    }
    if statements == 2, first.hash != 0 { _ = Self.add(first.hash, &transaction) }
    return hash == 0 ? 0 : Self.add(hash, &transaction)
  }

  /// A transaction has ended.
  /// - Returns: how often its only statement was run in the request; 0: it has more.
  public mutating func endTransaction(now: UInt64) -> UInt32 {
    let count = statements
    let end = lastEnd
    statements = 0
    lastEnd = now
    if count > 1 { transaction.removeAll(keepingCapacity: true) }
    if count != 1 || first.hash == 0 {
      if count > 0 { succession = Tally(hash: 0, count: 0) }
      return 0
    }
    if first.trace != 0 {
      succession = Tally(hash: 0, count: 0)
      if first.trace != trace { traced.removeAll(keepingCapacity: true) }
      trace = first.trace
      return Self.add(first.hash, &traced)
    }
    // What is sent ahead begins before the last one's end.
    let gap = first.start > end ? first.start &- end : 0
    if first.hash == succession.hash, gap <= Self.longestGap {
      succession.count &+= 1
    } else {
      succession = Tally(hash: first.hash, count: 1)
    }
    return succession.count
  }

  private static func add(_ hash: UInt64, _ tallies: inout [Tally]) -> UInt32 {
    for index in tallies.indices where tallies[index].hash == hash {
      tallies[index].count &+= 1
      return tallies[index].count
    }
    if tallies.count < most {
      tallies.append(Tally(hash: hash, count: 1))
    } else if let least = tallies.indices.min(by: { tallies[$0].count < tallies[$1].count }) {
      tallies[least] = Tally(hash: hash, count: 1)
    }
    return 1
  }
}
