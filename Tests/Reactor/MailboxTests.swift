import Glibc
import Reactor
import Testing

@Suite struct MailboxTests {
  private func isAwakened(_ mailbox: Mailbox<Int>) -> Bool {
    var descriptor = pollfd(fd: mailbox.wakeDescriptor, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, 0) == 1
  }

  @Test func `mail comes in order, once`() throws {
    let mailbox = try Mailbox<Int>()
    #expect(!mailbox.isFull)
    for number in 0..<100 { mailbox.post(number) }
    #expect(mailbox.isFull)
    var list: [Int] = []
    mailbox.take(into: &list)
    #expect(list == Array(0..<100))
    #expect(!mailbox.isFull)
    list.removeAll()
    mailbox.take(into: &list)
    #expect(list.isEmpty)
  }

  @Test func `only a loop that sleeps is woken, and once`() throws {
    let mailbox = try Mailbox<Int>()
    mailbox.post(1)
    #expect(!isAwakened(mailbox))
    #expect(mailbox.willSleep(), "mail has come: it must not sleep")
    var list: [Int] = []
    mailbox.take(into: &list)
    #expect(!mailbox.willSleep())
    mailbox.post(2)
    #expect(isAwakened(mailbox))
    mailbox.didWake()
    mailbox.drainWake()
    #expect(!isAwakened(mailbox))
    mailbox.post(3)
    #expect(!isAwakened(mailbox))
  }

  @Test func `nothing is lost between threads that post and a loop that sleeps`() throws {
    let mailbox = try Mailbox<Int>()
    let threads = 4
    let each = 2_000
    for thread in 0..<threads {
      try Thread.start(name: "poster") {
        for number in 0..<each { mailbox.post(thread * each + number) }
      }
    }
    var received: [[Int]] = Array(repeating: [], count: threads)
    var list: [Int] = []
    for _ in 0..<1_000_000 where received.reduce(0, { $0 + $1.count }) < threads * each {
      if !mailbox.willSleep() {
        var descriptor = pollfd(fd: mailbox.wakeDescriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, 5_000) == 1 else { break }
      }
      mailbox.didWake()
      mailbox.drainWake()
      list.removeAll(keepingCapacity: true)
      mailbox.take(into: &list)
      for number in list { received[number / each].append(number) }
    }
    for thread in 0..<threads {
      #expect(received[thread] == Array(thread * each..<(thread + 1) * each))
    }
  }
}
