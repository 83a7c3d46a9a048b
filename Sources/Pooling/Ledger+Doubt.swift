// Counts that can't be trusted, and how one can be again.
extension Ledger {
  /// Gives up the count.
  public mutating func distrust() {
    taint = true
    onlyOneSyncIsDoubtful = false
  }

  /// All that could be owed is the answer to one Sync, and a query of the pooler's own can tell.
  public var canRecount: Bool {
    taint && onlyOneSyncIsDoubtful && count == 0 && !batchIsOpen && !isCopyingIn
  }

  /// Records an empty query of the pooler's own, which is to tell what is owed. Only where that
  /// can be told.
  public mutating func poolerRecounts() {
    poolerSendsQuery()
    onlyOneSyncIsDoubtful = false
    isRecounting = true
  }

  /// Records a ReadyForQuery that came before the answer to the query that is to tell whether there
  /// is one: the Sync that was in doubt had not been ignored.
  public mutating func doubtfulReadyReceived(_ newStatus: UInt8) {
    lastStatus = newStatus
    readies &+= 1
  }

  /// Records that the query is being answered that was to tell what is owed: nothing is.
  public mutating func recountAnswered() {
    guard isRecounting else { return }
    isRecounting = false
    trust()
  }

  /// Records that the query has failed, or that what came before it has: nobody knows which.
  mutating func recountFailed() { isRecounting = false }

  mutating func trust() {
    taint = false
    onlyOneSyncIsDoubtful = false
    syncsAreDoubtful = false
  }
}
