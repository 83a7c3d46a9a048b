import FoundationEssentials
import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct ListenerLoss {
    private static let listeners =
      "FROM pg_stat_activity WHERE application_name = 'sluice listener'"

    private static func count(_ cluster: PostgresCluster) throws -> Int {
      Int(try cluster.query("SELECT count(*) \(listeners)").value ?? "") ?? -1
    }

    @Test(arguments: PostgresVersion.available)
    func `a lost listening connection comes back, and its listeners are warned`(
      version: PostgresVersion
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      try withSluice(version, ["default_pool_size": 2]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        try client.run("LISTEN a; LISTEN b")
        for round in 0..<3 {
          try cluster.query("SELECT pg_terminate_backend(pid) \(Self.listeners)")
          let warning = try #require(try client.receive())
          #expect(warning.type == "N")
          #expect(ServerError(warning).message.contains("may have been missed"))
          #expect(ServerError(warning).severity == "WARNING")
          try other.run("NOTIFY a, '\(round)'; NOTIFY b, '\(round)'")
          let seen = try client.notifications(2)
          #expect(seen == [Notification("a", "\(round)"), Notification("b", "\(round)")])
        }
        #expect(try Self.count(cluster) == 1)
      }
    }

    @Test func `the listening connection goes once nobody listens`() throws {
      let cluster = try PostgresCluster.shared(.newest)
      try withSluice(.newest, ["default_pool_size": 2]) { sluice in
        let first = try sluice.connect()
        let second = try sluice.connect()
        try first.run("LISTEN a")
        try second.run("LISTEN a")
        #expect(try Self.count(cluster) == 1)
        try first.run("UNLISTEN *")
        second.reset()
        try expectEventually(seconds: 15) { try Self.count(cluster) == 0 }
        try first.run("LISTEN a")
        try first.run("NOTIFY a")
        #expect(try first.notifications(1) == [Notification("a", "")])
      }
    }

    @Test func `LISTEN that can't be is an error`() throws {
      let cluster = try PostgresCluster(.newest)
      var configuration = SluiceConfiguration(cluster)
      configuration.settings["default_pool_size"] = 2
      configuration.settings["server_connect_timeout"] = 3
      try withSluice(configuration) { sluice in
        let client = try sluice.connect()
        try client.run("SELECT 1")
        // The client's own server stays; none can be opened any longer.
        try cluster.query("ALTER DATABASE app CONNECTION LIMIT 0")
        let plain = try client.query("LISTEN a")
        #expect(plain.errors.first?.message.contains("can not listen: ") == true)
        #expect(plain.errors.first?.message.contains("too many connections") == true)
        #expect(plain.status == "I")
        try client.run("BEGIN")
        #expect(try client.query("LISTEN a").status == "E")
        try client.run("ROLLBACK")
        #expect(try client.extended("LISTEN a").errors.first?.sqlstate == "55000")
        try client.send(Frame.parse("LISTEN a", name: "s") + Frame.sync)
        #expect(try client.receiveUntilReady().types == "1Z")
        try client.send(Frame.bind(statement: "s") + Frame.execute() + Frame.sync)
        let bound = try client.receiveUntilReady()
        #expect(bound.types == "EZ")
        #expect(bound.errors.first?.message.contains("can not listen: ") == true)
        try cluster.query("ALTER DATABASE app CONNECTION LIMIT -1")
        try client.send(Frame.bind(statement: "s") + Frame.execute() + Frame.sync)
        #expect(try client.receiveUntilReady().tags == ["LISTEN"])
        try client.run("NOTIFY a, 'there'")
        #expect(try client.notifications(1) == [Notification("a", "there")])
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a listener that does not take its notifications is ended, and told why`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 2]) { sluice in
        let busy = try sluice.connect()
        let idle = try sluice.connect()
        let fast = try sluice.connect()
        for client in [busy, idle, fast] { try client.run("LISTEN a") }
        func endings() -> Int {
          sluice.log.components(separatedBy: "closing because: too many notifications").count - 1
        }
        try busy.run("BEGIN")
        let other = try sluice.connect()
        let flood = "SELECT pg_notify('a', repeat('x', 7000) || i) FROM generate_series(1, 200) i"
        var count = 0
        for _ in 0..<6 {
          try other.run(flood)
          count += try fast.notifications(200).count
        }
        #expect(count == 1200)
        let last = try busy.receive { $0 == "E" }
        #expect(last.errors.first?.severity == "FATAL")
        #expect(last.errors.first?.sqlstate == "53400")
        #expect(last.errors.first?.message.contains("too many notifications") == true)
        #expect(busy.isClosedByPeer())
        // What the kernel takes for one that does not read comes on top.
        for _ in 0..<20 where endings() < 2 {
          try other.run(flood)
          _ = try fast.notifications(200)
        }
        #expect(endings() == 2)
        #expect(try other.value("SELECT 1") == "1")
      }
    }

    @Test func `listeners on two loops, many of them, all get all`() throws {
      try withSluice(.newest, ["default_pool_size": 4, "threads": 2]) { sluice in
        _ = try onThreads(16) { thread in
          let client = try sluice.connect()
          try client.run("LISTEN own\(thread); LISTEN everyone")
          var seen: [Notification] = []
          for number in 0..<50 {
            seen += try client.run("NOTIFY own\(thread), '\(number)'").notifications
          }
          seen += try client.run("NOTIFY everyone, 'from \(thread)'").notifications
          func isOwn(_ one: Notification) -> Bool { one.channel == "own\(thread)" }
          while seen.count(where: isOwn) < 50 { seen += try client.notifications(1) }
          #expect(seen.filter(isOwn).map(\.payload) == (0..<50).map { "\($0)" })
          while !seen.contains(Notification("everyone", "from \(thread)")) {
            seen += try client.notifications(1)
          }
          return 0
        }
      }
    }

    @Test func `listeners that come and go while the listening connection dies all end up right`()
      throws
    {
      let cluster = try PostgresCluster.shared(.newest)
      try withSluice(.newest, ["default_pool_size": 3, "threads": 2]) { sluice in
        let load = Background {
          try onThreads(12, seconds: 60) { thread in
            for round in 0..<10 {
              let client = try sluice.connect()
              // It may be refused while there is no listening connection.
              for statement in ["LISTEN a", "BEGIN; LISTEN b\(thread); ROLLBACK", "UNLISTEN *"] {
                let answer = try client.query(statement)
                #expect(answer.errors.allSatisfy { $0.message.contains("can not listen") })
                if answer.status != "I" { try client.run("ROLLBACK") }
                try client.run("NOTIFY a, '\(round)'")
              }
              if round % 3 == 0 { client.reset() } else { client.terminate() }
            }
            return 0
          }
        }
        for _ in 0..<10 where !load.isDone {
          try cluster.query("SELECT pg_terminate_backend(pid) \(Self.listeners)")
          usleep(50_000)
        }
        _ = try load.value(seconds: 60)
        for number in 0..<12 {
          let client = try sluice.connect()
          let hasListened = try eventually {
            try client.query("LISTEN own\(number)").errors.isEmpty
          }
          #expect(hasListened)
          var seen: [Notification] = []
          let arrives = try eventually {
            seen += try client.run("NOTIFY own\(number), 'end'").notifications
            return !seen.isEmpty
          }
          #expect(arrives && seen.allSatisfy { $0 == Notification("own\(number)", "end") })
        }
        #expect(try Self.count(cluster) == 1)
      }
    }

    @Test func `a reload that moves the database moves the listening connection`() throws {
      let cluster = try PostgresCluster.shared(.newest)
      var configuration = SluiceConfiguration(cluster)
      configuration.databases["app"] = SluiceConfiguration.upstream(cluster, "postgres")
      try withSluice(configuration) { sluice in
        let client = try sluice.connect()
        try client.run("LISTEN a")
        configuration.databases["app"] = SluiceConfiguration.upstream(cluster)
        try sluice.rewrite(configuration)
        sluice.process.signal(SIGHUP)
        let warning = try #require(try client.receive())
        #expect(warning.type == "N")
        try cluster.query("NOTIFY a, 'moved'", database: "app")
        #expect(try client.notifications(1) == [Notification("a", "moved")])
      }
    }
  }
}
