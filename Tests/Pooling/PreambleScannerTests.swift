import PostgresWire
import Testing

@testable import Pooling

/// Whatever the answers to a preamble look like, a client is told its own answer, or an error, or
/// nothing.
@Suite struct PreambleScannerTests {
  private static let forms = PreambleWay.allCases
  private static let error = frame("E", Array("SERROR\0C42704\0Mno\0\0".utf8))
  private static let asides = [
    frame("N", Array("SNOTICE\0\0".utf8)), frame("S", [65, 0, 66, 0]),
    frame("A", [0, 0, 0, 1, 97, 0, 0]),
  ]

  private func outcome(_ form: PreambleWay, _ messages: [[UInt8]]) -> PreambleFeed {
    var feed = PreambleFeed(form)
    feed.feed(messages.flatMap(\.self) + form.own)
    return feed
  }

  /// Nothing of the preamble's answers has come to the client, and it is in step.
  private func isSafe(_ feed: PreambleFeed, _ form: PreambleWay) -> Bool {
    if feed.events.contains(.failed) || feed.events.contains(.ownError) { return true }
    if feed.told.isEmpty { return !feed.events.contains(.ready) }
    return feed.told == form.own
  }

  private func isFound(_ feed: PreambleFeed) -> Bool {
    feed.events.last == .violation && feed.told.isEmpty
  }

  @Test(arguments: forms)
  func `the client is told its own answer, however the bytes are cut`(_ form: PreambleWay) {
    let bytes = form.answers.flatMap(\.self) + form.own
    for first in 0...bytes.count {
      for cuts in [[first], [first, min(first + 1, bytes.count)], Array(0..<first)] {
        var feed = PreambleFeed(form)
        feed.feed(bytes, cutAt: cuts)
        #expect(feed.told == form.own, "cut at \(cuts)")
        #expect(feed.events == (form == .own ? [.ownReady] : [.done, .ready]))
        #expect(feed.ledger.isClean && !feed.ledger.owesPreamble && !feed.scanner.isMidMessage)
      }
    }
  }

  @Test(arguments: forms)
  func `what may come at any time changes nothing`(_ form: PreambleWay) {
    for index in form.answers.indices {
      for message in Self.asides {
        var messages = form.answers
        messages.insert(message, at: index)
        let bytes = messages.flatMap(\.self) + form.own
        for cut in 0...bytes.count {
          var feed = PreambleFeed(form)
          feed.feed(bytes, cutAt: [cut])
          #expect(feed.told == form.own)
          #expect(feed.ledger.isClean)
        }
      }
    }
  }

  @Test(arguments: forms)
  func `an error in place of any answer, or in front of it, is told`(_ form: PreambleWay) {
    for index in form.answers.indices {
      for messages in [form.answers.prefix(index), form.answers.prefix(index)] {
        var feed = PreambleFeed(form)
        feed.feed(messages.flatMap(\.self) + Self.error)
        #expect(feed.events == [form == .own ? .ownError : .failed])
        #expect(feed.told.isEmpty)
        // The rest is whatever follows an error: for the client, or up to the end of the own query.
        feed.feed(frame("Z", [form == .own ? 0x45 : 0x49]))
        #expect(feed.events.last == (form == .own ? .ownReady : .ready))
      }
    }
  }

  /// Of two: in a query the answers to them are all there is; in a batch there are three to each,
  /// and so there are aside, with those to BEGIN in front.
  @Test(arguments: forms.filter { $0 != .own })
  func `which setting has been refused is told by the answers before`(_ form: PreambleWay) {
    for index in form.answers.indices {
      var feed = PreambleFeed(form)
      feed.feed(form.answers.prefix(index).flatMap(\.self) + Self.error)
      let setting =
        switch form.answers.count {
        case 2: index
        case 6: index / 3
        default: index / 3 - 1
        }
      #expect(feed.ledger.failedSetting == ((0..<2).contains(setting) ? setting : nil))
    }
  }

  @Test(arguments: forms)
  func `a dropped, doubled or displaced answer is found`(_ form: PreambleWay) {
    let answers = form.answers
    for index in answers.indices {
      var messages = answers
      messages.remove(at: index)
      // The end is waited for.
      let isEnd = form == .own && index == answers.count - 1
      #expect(isEnd || isFound(outcome(form, messages)), "without \(index)")
      if index + 1 < answers.count, answers[index].first != answers[index + 1].first {
        messages = answers
        messages.swapAt(index, index + 1)
        #expect(isFound(outcome(form, messages)), "displaced \(index)")
      }
      // Behind the last it would be the client's own answer that has one too many.
      if index + 1 < answers.count || form == .own {
        messages = answers
        messages.insert(answers[index], at: index)
        let feed = outcome(form, messages)
        // Statements are not told from each other: at worst a tag too many comes through.
        let isHarmless = form == .prefix && feed.told == answers.last! + form.own
        let isRefused = form == .own && feed.events.last == .violation
        #expect(isFound(feed) || isHarmless || isRefused, "doubled \(index)")
      }
    }
  }

  @Test(arguments: forms)
  func `a message that nobody owes is found`(_ form: PreambleWay) {
    let strays = "12356dDTtnsIVGHWcRKvz\0".filter { form != .own || !"TD".contains($0) }
      .map { frame($0) }
    let tags = [
      "", "SELECT 1", "INSERT 0 1", "ROLLBACK", "set", "SET\0", "COMMIT", "SETS", "BEGIN",
    ]
    for index in form.answers.indices {
      let ends = [0x49, 0x54, 0x45].map { frame("Z", [$0]) }
      for stray in strays + tags.map(tag) + ends {
        var messages = form.answers
        messages[index] = stray
        guard messages != form.answers else { continue }
        // That its statement is begun or read from is all the same to an own query.
        if form == .own, index < 3, ["BEGIN", "SELECT 1"].map(tag).contains(stray) { continue }
        #expect(isSafe(outcome(form, messages), form), "\(stray) in place of \(index)")
        #expect(outcome(form, messages).events.last == .violation, "\(stray) for \(index)")
        messages = form.answers
        messages.insert(stray, at: index)
        #expect(isFound(outcome(form, messages)), "\(stray) in front of \(index)")
      }
    }
  }

  /// Answers would have shifted by one: the next client would be told this one's.
  @Test(arguments: forms.filter { $0 != .own })
  func `an end right behind the preamble is no answer`(_ form: PreambleWay) {
    for status in [0x49, 0x54, 0x45] as [UInt8] {
      #expect(isFound(outcome(form, form.answers + [frame("Z", [status])])))
    }
  }

  @Test(arguments: forms, [0...63, 64...127, 128...191, 192...255])
  func `no changed byte lets a client be told what is not its own`(
    _ form: PreambleWay, values: ClosedRange<Int>
  ) {
    let bytes = form.answers.flatMap(\.self)
    for index in bytes.indices {
      for value in values where UInt8(value) != bytes[index] {
        var changed = bytes
        changed[index] = UInt8(value)
        let feed = outcome(form, [changed])
        #expect(isSafe(feed, form), "\(value) at \(index): \(feed.events)")
      }
    }
  }

  @Test(arguments: forms)
  func `a length that can't be is not waited for`(_ form: PreambleWay) {
    for type in "12CZ" {
      for length in [0, 3, 15, 16_384, 0x7fff_ffff, 0xffff_ffff] as [UInt32] {
        var feed = PreambleFeed(form)
        feed.feed(header(type, length))
        #expect(feed.events == [.violation], "\(type) \(length)")
      }
    }
    for type in "NSAE" {
      for length in [0, 3, 16_384, 0x7fff_ffff, 0xffff_ffff] as [UInt32] {
        var feed = PreambleFeed(form)
        feed.feed(header(type, length))
        #expect(feed.events == [.violation], "\(type) \(length)")
      }
    }
  }

  @Test func `an own query whose transaction goes on is found`() {
    for status in [0x54, 0x45, 0] as [UInt8] {
      let messages = PreambleWay.own.answers.dropLast() + [frame("Z", [status])]
      #expect(isFound(outcome(.own, Array(messages))))
    }
  }

  @Test func `a preamble that fails leaves no answers owed`() {
    var feed = PreambleFeed(.batch)
    feed.feed(frame("1") + Self.error)
    #expect(!feed.ledger.owesPreamble)
    feed.feed(frame("Z", [0x49]))
    #expect(feed.ledger.isClean)
    #expect(feed.told == frame("Z", [0x49]))
  }
}
