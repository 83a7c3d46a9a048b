import TestSupport
import Testing

extension Integration {
  /// CopyDone, CopyFail and Sync when no driver sends them: whatever a client does amid its COPY,
  /// the next client of its server gets its own answers and no other.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "old PgBouncers hang in it"))
  struct CopyEnds {
    private func makeTables(_ version: PostgresVersion) throws {
      try PostgresCluster.shared(version).query(
        """
        DROP TABLE IF EXISTS ended, ended_slowly; CREATE TABLE ended (n int);
        CREATE TABLE ended_slowly (n int);
        CREATE OR REPLACE FUNCTION wait_a_little() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.3); RETURN new; END';
        CREATE TRIGGER slow BEFORE INSERT ON ended_slowly FOR EACH ROW
        EXECUTE FUNCTION wait_a_little();
        GRANT ALL ON ended, ended_slowly TO app
        """, database: "app")
    }

    private let copy = Frame.query("COPY ended FROM STDIN")
    private let twoCopies = Frame.query("COPY ended FROM STDIN; COPY ended FROM STDIN")

    /// Each asks for what no other asks for, and gets that.
    private func expectOwnAnswers(_ clients: [WireClient], _ rounds: Range<Int>) throws {
      for round in rounds {
        for (number, client) in clients.enumerated() {
          #expect(
            try client.value("SELECT 'client \(number) round \(round)'")
              == "client \(number) round \(round)")
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `Syncs behind a COPY's end are answered to their client`(
      version: PostgresVersion
    ) throws {
      try makeTables(version)
      try withSluice(version, ["default_pool_size": 1, "threads": 1]) { sluice in
        let others = [try sluice.connect(), try sluice.connect(), try sluice.connect()]
        for round in 0..<3 {
          let client = try sluice.connect()
          // An end for each COPY, and one too many.
          try client.send(twoCopies)
          #expect(try client.receive { $0 == "G" }.types == "G")
          try client.send(Frame.copyDone)
          #expect(try client.receive { $0 == "G" }.types == "CG")
          try client.send(Frame.sync + Frame.copyDone + Frame.copyDone)
          #expect(try client.receiveUntilReady().types == "CZ")
          #expect(try client.value("SELECT 1") == "1")
          // The end is ahead, and Syncs are sent while the rows go in.
          try client.send(
            Frame.query("COPY ended_slowly FROM STDIN") + Frame.copyData("1\n") + Frame.copyDone)
          #expect(try client.receive { $0 == "G" }.types == "G")
          let data = Frame.copyData(String(repeating: "late\n", count: 20_000))
          try client.send(Frame.sync + data + Frame.sync)
          try others[0].send(Frame.query("SELECT 'waited'"))
          #expect(try others[0].receiveUntilReady().value == "waited")
          #expect(try client.receiveUntilReady().types == "CZ")
          for _ in 0..<2 { #expect(try client.receiveUntilReady().types == "Z") }
          try expectOwnAnswers([client] + others, 10 * round..<10 * round + 3)
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `several COPYs in one query give the server back`(version: PostgresVersion) throws {
      try makeTables(version)
      try withSluice(version, ["default_pool_size": 1, "threads": 1]) { sluice in
        let (client, other) = (try sluice.connect(), try sluice.connect())
        let pid = try other.value("SELECT pg_backend_pid()")
        let data = Frame.copyData("1\n")
        for isAhead in [false, true] {
          try client.send(twoCopies + (isAhead ? data + Frame.copyDone : []))
          #expect(try client.receive { $0 == "G" }.types == "G")
          if !isAhead { try client.send(data + Frame.copyDone) }
          #expect(try client.receive { $0 == "G" }.types == "CG")
          try client.send(data + Frame.copyDone)
          #expect(try client.receiveUntilReady().types == "CZ")
          #expect(try other.value("SELECT pg_backend_pid()") == pid)
        }
        #expect(try client.value("SELECT count(*) FROM ended") == "4")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a Query amid COPY data costs its client alone`(version: PostgresVersion) throws {
      try makeTables(version)
      try withSluice(version, ["default_pool_size": 1, "threads": 1]) { sluice in
        let other = try sluice.connect()
        for isAhead in [false, true] {
          let client = try sluice.connect()
          try client.send(copy + (isAhead ? Frame.query("SELECT 'amid'") : []))
          _ = try client.receive { $0 == "G" }
          if !isAhead { try client.send(Frame.query("SELECT 'amid'")) }
          try other.send(Frame.query("SELECT 'other'"))
          let last = try client.receive { _ in false }
          #expect(last.isClosed && last.types.allSatisfy { $0 == "E" })
          #expect(try other.receiveUntilReady().value == "other")
        }
      }
    }

    /// Whatever is sent, in pieces as chance has them.
    @Test(arguments: PostgresVersion.available)
    func `no COPY's remains reach another client`(version: PostgresVersion) throws {
      try makeTables(version)
      try withSluice(version, ["default_pool_size": 1, "threads": 1]) { sluice in
        let others = [try sluice.connect(), try sluice.connect()]
        for seed in UInt64(1)...60 {
          var random = SeededGenerator(seed: seed)
          let client = try sluice.connect()
          for index in 0..<25 {
            do {
              try client.send(piece(&random))
              if random.chance(30), client.isReadable(within: 0.003) { _ = try client.receive() }
            } catch {
              // Its server has ended the connection.
              break
            }
            guard index == 0 else { continue }
            for (number, other) in others.enumerated() {
              try other.send(Frame.query("SELECT 'seed \(seed) to \(number)'"))
            }
          }
          client.close()
          for (number, other) in others.enumerated() {
            let answer = try other.receiveUntilReady()
            #expect(answer.types == "TDCZ", "seed \(seed)")
            #expect(answer.value == "seed \(seed) to \(number)")
          }
        }
      }
    }

    private func piece(_ random: inout SeededGenerator) -> [UInt8] {
      let copyBatch = Frame.parse("COPY ended FROM STDIN") + Frame.bind() + Frame.execute()
      let pieces = [
        copy, twoCopies, copyBatch, copyBatch + Frame.sync, Frame.query("SELECT 1"), Frame.sync,
        Frame.sync, Frame.copyDone, Frame.copyDone, Frame.copyFail("enough"),
        Frame.copyData("1\n"), Frame.copyData("bad\n"), Frame.flush,
      ]
      return (0...random.below(3)).flatMap { _ in random.pick(pieces) }
    }
  }
}
