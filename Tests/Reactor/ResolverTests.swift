import Glibc
import Reactor
import Synchronization
import Testing

/// Answers as they come, and a thread that waits for them.
private final class Answers: Sendable {
  private let list = Mutex<[Resolver.Answer]>([])

  func add(_ answer: Resolver.Answer) { list.withLock { $0.append(answer) } }

  /// All answers, once there are `count`, or what has come after five seconds.
  func wait(for count: Int) -> [Resolver.Answer] {
    for _ in 0..<5_000 where list.withLock({ $0.count }) < count { usleep(1_000) }
    return list.withLock { $0 }
  }

  var now: Int { list.withLock { $0.count } }
}

@Suite struct ResolverTests {
  private static let minute: UInt64 = 60_000_000

  @Test func `localhost has an address`() throws {
    let resolver = Resolver(maxAge: Self.minute, maxNegativeAge: Self.minute)
    let answers = Answers()
    resolver.lookUp("localhost") { answers.add($0) }
    let addresses = try #require(answers.wait(for: 1).first).get()
    #expect(addresses.contains { $0.host == "127.0.0.1" || $0.host == "::1" })
    #expect(addresses.allSatisfy { $0.port == 0 })
  }

  @Test func `an unknown name is a failure, and is remembered`() throws {
    let resolver = Resolver(maxAge: Self.minute, maxNegativeAge: Self.minute)
    let answers = Answers()
    resolver.lookUp("no-such-host.invalid") { answers.add($0) }
    let first = try #require(answers.wait(for: 1).first)
    #expect(throws: ResolveError.self) { try first.get() }
    resolver.lookUp("no-such-host.invalid") { answers.add($0) }
    #expect(answers.now == 2, "the answer was known")
  }

  @Test func `a known answer is given at once, until it is too old`() {
    let resolver = Resolver(maxAge: Self.minute, maxNegativeAge: 0)
    let answers = Answers()
    resolver.lookUp("127.0.0.1") { answers.add($0) }
    #expect(answers.wait(for: 1).count == 1)
    resolver.lookUp("127.0.0.1") { answers.add($0) }
    #expect(answers.now == 2)
    resolver.setAges(maxAge: 0, maxNegativeAge: 0)
    resolver.lookUp("127.0.0.2") { answers.add($0) }
    #expect(answers.wait(for: 3).count == 3)
    resolver.lookUp("127.0.0.2") { answers.add($0) }
    #expect(answers.wait(for: 4).count == 4)
  }

  @Test func `whoever asks gets an answer, however many ask for however much`() {
    let resolver = Resolver(maxAge: Self.minute, maxNegativeAge: Self.minute)
    let answers = Answers()
    for number in 0..<200 {
      resolver.lookUp("127.0.0.\(1 + number % 40)") { answers.add($0) }
    }
    let all = answers.wait(for: 200)
    #expect(all.count == 200)
    #expect(all.allSatisfy { (try? $0.get().count) == 1 })
  }
}
