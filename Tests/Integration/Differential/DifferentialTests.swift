import Glibc
import Testing

extension Integration {
  /// Clients of Sluice in transaction mode are told what PostgreSQL itself would tell them.
  ///
  /// | variable | meaning |
  /// |---|---|
  /// | `SLUICE_DIFFERENTIAL_SECONDS` | how long, for each PostgreSQL (4); if set, on new scripts |
  /// | `SLUICE_DIFFERENTIAL_SEED` | plays this seed only, as often as there is time |
  /// | `SLUICE_DIFFERENTIAL_KINDS` | kinds in place of `TrafficKind.enabled`; see `kinds` |
  @Suite(.serialized) struct Differential {
    /// Played each time before any new one: a seed that fails is added here. As changes of the
    /// generator make other scripts of it, what it found deserves a test of its own as well.
    private static let replayed: [UInt64] = [1]

    @Test(arguments: PostgresVersion.available)
    func `clients cannot tell Sluice from PostgreSQL`(version: PostgresVersion) throws {
      let cluster = try PostgresCluster.shared(version)
      try compare(cluster, replayed: Self.replayed, kinds: Self.kinds) { try $0.pooled() }
    }

    /// Preambles take nothing away, though they use what is the client's: the unnamed statement.
    @Test(arguments: PostgresVersion.available)
    func `clients of a tenant cannot tell a session of Sluice from PostgreSQL's`(
      version: PostgresVersion
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      // What PostgreSQL warns of before it runs a text is lost behind a preamble.
      try cluster.query("ALTER ROLE app SET escape_string_warning = off")
      defer { _ = try? cluster.query("ALTER ROLE app RESET escape_string_warning") }
      let kinds = Self.kinds.subtracting(TrafficKind.differentWithTenants)
      try compare(cluster, replayed: [], kinds: kinds) { try $0.pooledInSessions() }
    }

    /// The scripts themselves: PostgreSQL must answer all that they hold in the same way twice.
    @Test(arguments: PostgresVersion.available)
    func `PostgreSQL answers every script twice alike`(version: PostgresVersion) throws {
      let cluster = try PostgresCluster.shared(version)
      let kinds = Set(TrafficKind.allCases)
      try compare(cluster, replayed: [], kinds: kinds, share: 0.25) { try $0.direct() }
    }

    @Test func `a seed makes the same script each time`() {
      for seed in UInt64(0)..<5 {
        let scripts = (0..<2).map { _ in Script(seed: seed, kinds: Set(TrafficKind.allCases)) }
        #expect(scripts[0].description == scripts[1].description)
        let bytes = scripts.map { $0.programs.flatMap(\.steps).map(\.bytes) }
        #expect(bytes[0] == bytes[1])
      }
    }

    private static func variable(_ name: String) -> String? {
      getenv("SLUICE_DIFFERENTIAL_" + name).map { String(cString: $0) }
    }

    /// `a,b` is these two; `+a,-b` is those that are enabled with a and without b; `all` is all.
    private static let kinds: Set<TrafficKind> = {
      let names = (variable("KINDS") ?? "").split(separator: ",")
      let isChange = names.allSatisfy { $0.hasPrefix("+") || $0.hasPrefix("-") }
      var kinds = isChange ? TrafficKind.enabled : []
      for name in names {
        if name == "all" {
          kinds.formUnion(TrafficKind.allCases)
          continue
        }
        guard let kind = TrafficKind(rawValue: name.filter { !"+-".contains($0) }) else {
          fatalError("no kind is named \(name)")
        }
        if name.hasPrefix("-") { kinds.remove(kind) } else { kinds.insert(kind) }
      }
      return kinds
    }()

    /// Plays scripts until time is over or one fails.
    private func compare(
      _ cluster: PostgresCluster, replayed: [UInt64], kinds: Set<TrafficKind>, share: Double = 1,
      with other: (ScriptRun) throws -> [Transcript]
    ) throws {
      let only = Self.variable("SEED").flatMap { UInt64($0) }
      let isLong = Self.variable("SECONDS") != nil
      let seconds = Self.variable("SECONDS").flatMap { Double($0) } ?? 4
      let deadline = Deadline(seconds: seconds * share)
      var seeds = only.map { [$0] } ?? replayed
      func play(_ script: Script) throws -> ScriptFinding? {
        let run = ScriptRun(script: script, cluster: cluster)
        do {
          return ScriptFinding(script, expected: try run.direct(), found: try other(run))
        } catch {
          Issue.record(
            "SLUICE_DIFFERENTIAL_SEED=\(script.seed): PostgreSQL says\n\(cluster.log.suffix(2000))")
          throw error
        }
      }
      var count = 0
      repeat {
        // The short run of every day tries the same scripts; a long one looks for new ones.
        let next = isLong ? .random(in: 0..<1_000_000) : UInt64(1_000 + count)
        if seeds.isEmpty { seeds.append(only ?? next) }
        let seed = seeds.removeFirst()
        count += 1
        guard let finding = try play(Script(seed: seed, kinds: kinds)) else { continue }
        try withoutActuallyEscaping(play) { play in
          let shrinker = ScriptShrinker(compare: play, deadline: Deadline(seconds: 20))
          let smaller = try shrinker.shrink(finding)
          let remark = smaller == nil ? "It did not fail again:" : "Without what it fails without:"
          Issue.record(
            """
            PostgreSQL \(cluster.version.major), SLUICE_DIFFERENTIAL_SEED=\(seed). \(remark)
            \(smaller ?? finding.ofOneClient)
            """)
        }
        return
      } while !deadline.isOver || !seeds.isEmpty
      print("PostgreSQL \(cluster.version.major): \(count) scripts")
    }
  }
}
