import PostgresWire

// COPY IN: the messages that begin and end it, and what the server ignores meanwhile.
extension Ledger {
  @usableFromInline @inline(never)
  mutating func clientSendsCopy(_ type: UInt8) -> Bool {
    if type == ClientMessageType.copyData { return true }
    if isCopyingIn {
      isCopyingIn = false
      // Something else amid the data of a simple COPY has made it fail.
      if count != 0 && batchIsOpen { distrust() }
      return true
    }
    // The server is idle, and ignores it.
    guard count != 0 || batchIsOpen else { return true }
    // Those alone must not fill the ledger: there would be no reply to wait for.
    let end = batchIsOpen ? Entry.copyEndInBatch : Entry.copyEnd
    if count >= Self.capacity / 2 && entry(at: Int(count) - 1) == end.rawValue {
      distrust()
      return true
    }
    guard count < Self.capacity else { return false }
    push(end)
    return true
  }

  /// Records that an Execute is sent in a batch that may have an end in it already: nobody could
  /// tell whether a COPY is the one that this ends, or comes behind it.
  @usableFromInline @inline(never)
  mutating func executesBehindEnd() {
    if entry(at: Int(count) - 1) == Entry.copyEndInBatch.rawValue { distrust() }
  }

  /// Records CopyInResponse or CopyBothResponse. The Syncs that the client sent behind the command
  /// are ignored by the server, up to the CopyDone or CopyFail that may be on its way already.
  ///
  /// What else was sent before that end makes the COPY fail (before version 14; later ones end the
  /// connection), unless it has failed by itself: nobody knows whether it has run. In a batch that
  /// does not matter, since all is skipped up to its Sync.
  public mutating func copyInReceived() {
    // Of an earlier doubt that was not resolved nobody knows what the count is worth.
    let isOneBatch = count == 1 && !batchIsOpen && !taint && !syncsAreDoubtful
    let isSimple = count > 0 && entry(at: 0) == Entry.simple.rawValue
    let index = isSimple ? 1 : 0
    if count == 0 && !batchIsOpen { distrust() }
    while index < count && entry(at: index) == Entry.sync.rawValue {
      remove(at: index)
      syncsAreDoubtful = true
      onlyOneSyncIsDoubtful = isOneBatch
    }
    if index == count {
      if isSimple && batchIsOpen { distrust() }
      isCopyingIn = true
    } else if isCopyEnd(at: index) {
      let end = entry(at: index)
      if isSimple && end == Entry.copyEndInBatch.rawValue { distrust() }
      remove(at: index)
      // Only a simple query can have another COPY behind it with no Execute sent in between.
      while !isSimple && index < count && entry(at: index) == end { remove(at: index) }
    } else {
      distrust()
      isCopyingIn = true
    }
    if !isSimple && !hasSync(from: index) {
      batchIsOpen = true
      batchExecutes = true
    }
  }

  private func hasSync(from index: Int) -> Bool {
    (index..<Int(count)).contains { entry(at: $0) == Entry.sync.rawValue }
  }

  private mutating func remove(at index: Int) {
    let low = entries & ((1 << UInt64(index * 2)) - 1)
    let high = (entries >> UInt64(index * 2 + 2)) << UInt64(index * 2)
    entries = high | low
    count -= 1
  }
}
