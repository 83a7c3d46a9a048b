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

  private var transaction: [Tally] = []
  /// Statements of the transaction, whatever they do.
  private var statements = 0
  private var single: (hash: UInt64, trace: UInt64, start: UInt64)?
  private var request: [Tally] = []
  private var trace: UInt64 = 0
  private var lastEnd: UInt64 = 0

  public init() {}

  /// A statement has been run.
  /// - Parameters:
  ///   - hash: of its fingerprint; nil: it does not read, and is not counted.
  ///   - trace: of its trace; 0: it has none.
  /// - Returns: how often it was run in the transaction.
  public mutating func add(_ hash: UInt64?, trace: UInt64, start: UInt64) -> UInt32 {
    statements &+= 1
    guard let hash else {
      single = nil
      return 0
    }
    single = statements == 1 ? (hash, trace, start) : nil
    return Self.add(hash, &transaction)
  }

  /// A transaction has ended.
  /// - Returns: how often its only statement was run in the request; 0: it has more.
  public mutating func endTransaction(now: UInt64) -> UInt32 {
    defer {
      lastEnd = now
      statements = 0
      single = nil
      transaction.removeAll(keepingCapacity: true)
    }
    guard statements > 0 else { return 0 }
    guard let single else {
      // With traces others may be between.
      if trace == 0 { request.removeAll(keepingCapacity: true) }
      return 0
    }
    let goesOn =
      single.trace == trace
      && (trace != 0
        || (request.first?.hash == single.hash && single.start &- lastEnd <= Self.longestGap))
    if !goesOn { request.removeAll(keepingCapacity: true) }
    trace = single.trace
    return Self.add(single.hash, &request)
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
