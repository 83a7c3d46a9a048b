import Glibc
import Testing

extension Integration {
  /// An object-relational mapper that loads lazily, and its twins that load at once.
  @Suite(.disabled(if: StandIn.isOn, "this is Sluice's own console")) struct LazyLoading {
    /// Where scripts/install-sqlalchemy has unpacked it; empty: it could not be had.
    private static let home = getenv("SLUICE_SQLALCHEMY").map { String(cString: $0) } ?? ""

    private static let script =
      #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/lazy_loading.py"

    private static func run(_ how: String, _ sluice: SluiceProcess) throws {
      let result = try Subprocess.run(
        ["/usr/bin/python3", script, "postgresql://app@127.0.0.1:\(sluice.port)/app", how],
        environment: [
          "PYTHONPATH": home + "/usr/lib/python3/dist-packages", "PGSSLMODE": "disable",
        ]
      )
      #expect(result.succeeded, "\(how): \(result.standardError)")
    }

    @Test(.disabled(if: home.isEmpty, "SQLAlchemy could not be had"))
    func `SQLAlchemy's lazy loading is told as N+1, its eager loading is not`() throws {
      try withSluice(.newest, QueryStats.settings) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        try Self.run("prepare", sluice)
        for how in ["joined", "selectin"] {
          try Self.run(how, sluice)
          #expect(try console.records("SHOW QUERIES WHERE repeats <> '0'").isEmpty, "\(how)")
        }
        #expect(!sluice.log.contains("N+1"))
        try Self.run("lazy", sluice)
        let told = try console.records("SHOW QUERIES WHERE repeats <> '0'")
        #expect(told.count == 1)
        let query = told.first?["query"].flatMap { $0 } ?? ""
        #expect(query.contains("from orm_customers where orm_customers.id = ?"), "\(query)")
        #expect(told.first?["repeat_application"] == "shop-lazy")
        #expect(told.first?.figure("repeats") == 1)
        #expect(told.first?.figure("repeated_calls") == 30)
        let line = sluice.log.split(separator: "\n").first { $0.contains("repeated query (N+1)") }
        #expect(line?.contains("in one transaction application=shop-lazy query: select") == true)
      }
    }
  }
}
