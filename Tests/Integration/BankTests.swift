import Testing

extension Integration {
  @Suite(.serialized) struct Bank {
    /// TPC-B: money moves between accounts, tellers and branches, so the sums must agree.
    @Test(arguments: PostgresVersion.available, ["simple", "extended"])
    func `five hundred clients on ten servers keep the books`(
      version: PostgresVersion, protocol mode: String
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      let filled = try Programs.pgbench(version, cluster.endpoint, ["-i", "-q", "-s", "5"])
      #expect(filled.succeeded, "\(filled.standardError)")
      let settings: SluiceConfiguration.Section = [
        "default_pool_size": 10, "max_client_conn": 1000,
      ]
      try withSluice(version, settings) { sluice in
        let output = try Programs.pgbench(
          version, sluice.endpoint,
          ["-n", "-c", "500", "-j", "2", "-t", "10", "-M", mode], seconds: 240)
        #expect(output.succeeded, "\(output.standardError.suffix(1000))")
        #expect(output.standardOutput.contains("actually processed: 5000/5000"))
        #expect(try cluster.connections() <= 10)
      }
      let sums = try cluster.query(
        """
        SELECT (SELECT sum(bbalance) FROM pgbench_branches),
          (SELECT sum(abalance) FROM pgbench_accounts),
          (SELECT sum(tbalance) FROM pgbench_tellers),
          (SELECT sum(delta) FROM pgbench_history), (SELECT count(*) FROM pgbench_history)
        """, database: "app"
      ).rows[0]
      #expect(Set(sums.prefix(4)).count == 1, "\(sums)")
      #expect(sums[4] == "5000")
    }

    @Test(arguments: PostgresVersion.available)
    func `connecting anew for every transaction works`(version: PostgresVersion) throws {
      let cluster = try PostgresCluster.shared(version)
      let filled = try Programs.pgbench(version, cluster.endpoint, ["-i", "-q", "-s", "1"])
      #expect(filled.succeeded)
      try withSluice(version, ["default_pool_size": 4]) { sluice in
        let output = try Programs.pgbench(
          version, sluice.endpoint, ["-n", "-C", "-S", "-c", "20", "-j", "2", "-t", "20"])
        #expect(output.succeeded, "\(output.standardError.suffix(1000))")
        #expect(output.standardOutput.contains("actually processed: 400/400"))
      }
    }
  }
}
