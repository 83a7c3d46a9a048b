// Counts that can't be trusted, and how one can be again.
extension Ledger {
  /// Gives up the count.
  public mutating func distrust() {
    taint = true
    onlyOneSyncIsDoubtful = false
  }

  /// All that could be owed is the answer to one Sync, and a batch of the pooler's own can tell.
  public var canRecount: Bool {
    taint && onlyOneSyncIsDoubtful && count == 0 && !batchIsOpen && !isCopyingIn
  }

  /// Records a Close and a Sync of the pooler's own, which are to tell what is owed. Only where
  /// that can be told.
  public mutating func poolerRecounts() {
    poolerSendsQuery()
    onlyOneSyncIsDoubtful = false
    isRecounting = true
  }

  /// Records a ReadyForQuery that came before the answer that is to tell whether there is
  /// one: the Sync that was in doubt had not been ignored.
  public mutating func doubtfulReadyReceived(_ newStatus: UInt8) {
    lastStatus = newStatus
    readies &+= 1
  }

  /// Records that the Close is answered that was to tell what is owed: nothing is. What has
  /// been sent behind it may have been doubtful by itself.
  public mutating func recountAnswered() {
    guard isRecounting else { return }
    isRecounting = false
    if count == 1 && !batchIsOpen && !isCopyingIn { trust() }
  }

  /// Records that it has failed, or that what came before it has: nobody knows which.
  mutating func recountFailed() { isRecounting = false }

  mutating func trust() {
    taint = false
    onlyOneSyncIsDoubtful = false
    syncsAreDoubtful = false
  }
}
