import Glibc
import Testing

extension Integration {
  /// Clients of many tenants on few servers, with all that can go wrong: nobody may see, change or
  /// write what is another tenant's.
  ///
  /// | variable | meaning |
  /// |---|---|
  /// | `SLUICE_ISOLATION_SECONDS` | how long, for each PostgreSQL (8); if set, on new seeds |
  /// | `SLUICE_ISOLATION_SEED` | plays this seed only, as often as there is time |
  ///
  /// A seed stands for what clients send and how Sluice is set up; what meets what is up to time.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct Isolation {
    private static func variable(_ name: String) -> String? {
      getenv("SLUICE_ISOLATION_" + name).map { String(cString: $0) }
    }

    @Test(arguments: PostgresVersion.available)
    func `every row is its own tenant's`(version: PostgresVersion) throws {
      let only = Self.variable("SEED").flatMap { UInt64($0) }
      let isLong = Self.variable("SECONDS") != nil
      let seconds = Self.variable("SECONDS").flatMap { Double($0) } ?? 8
      let deadline = Deadline(seconds: seconds)
      // The first has the most tenants, clients and the mode that most use.
      var seeds: [UInt64] = [1]
      repeat {
        let seed = only ?? (seeds.isEmpty ? .random(in: 0..<1_000_000) : seeds.removeFirst())
        let (setup, found) = try IsolationRun.play(
          version, seed: seed, seconds: min(isLong ? 15 : 8, seconds))
        let name = "PostgreSQL \(version.major), SLUICE_ISOLATION_SEED=\(seed), \(setup)"
        #expect(found.foreign.isEmpty, "\(name): \(found.foreign.prefix(5))")
        #expect(found.stalls.isEmpty, "\(name): \(found.stalls.prefix(5))")
        // A test in which nothing is read finds nothing.
        #expect(found.values > 100, "\(name): \(found.values) values")
        print("\(name): \(found.summary)")
        if !found.foreign.isEmpty { return }
      } while !deadline.isOver
    }

    /// The same clients, if they say once whose they are and nobody says it again: what the test
    /// above looks for is what then happens.
    @Test(arguments: PostgresVersion.available)
    func `without the preamble foreign rows are found`(version: PostgresVersion) throws {
      let (_, found) = try IsolationRun.play(version, seed: 1, seconds: 10, isControl: true)
      #expect(!found.foreign.isEmpty, "\(found.summary)")
      let isOther = found.foreign.contains { $0.contains(" got [\"t") }
      #expect(isOther, "\(found.foreign.prefix(5))")
    }
  }
}

extension IsolationFindings.State {
  var summary: String {
    let acts = acts.values.reduce(0, +)
    let errors = errors.sorted { $0.value > $1.value }.prefix(12)
      .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    return
      "\(acts) acts of \(connections) connections, \(ended) of them ended from the other side, "
      + "\(values) values looked at; errors: \(errors)"
  }
}
