import Glibc
import Testing

extension Integration {
  /// Bytes that are stuck on one side when the other side's turn ends.
  @Suite(.serialized) struct BackPressure {
    @Test(arguments: PostgresVersion.available)
    func `COPY data that comes after the COPY's error does not stall the next client`(
      version: PostgresVersion
    ) throws {
      try PostgresCluster.shared(version).query(
        "DROP TABLE IF EXISTS stuck; CREATE TABLE stuck (n int); GRANT ALL ON stuck TO app",
        database: "app")
      let late = Frame.copyData(String(repeating: "1\n", count: 50_000))
      try withSluice(version, ["default_pool_size": 1, "tcp_socket_buffer": 32768]) { sluice in
        let client = try sluice.connect()
        let next = try sluice.connect()
        for _ in 0..<3 {
          try client.send(Frame.query("COPY stuck FROM STDIN"))
          #expect(try client.receive { $0 == "G" }.types == "G")
          try client.send(Frame.copyData("bad\n"))
          for _ in 0..<4 { try client.send(late) }
          try client.send(Frame.copyDone)
          #expect(try client.receiveUntilReady().types == "EZ")
          #expect(try next.value("SELECT 1") == "1")
        }
      }
    }

    /// The answer to the pooler's SETs may come while the client has an earlier answer to read.
    @Test func `a client that reads late gets the answers of two servers' turns`() throws {
      try withSluice(.newest, ["default_pool_size": 1, "tcp_socket_buffer": 8192]) { sluice in
        let slow = try sluice.connect()
        let other = try sluice.connect()
        slow.setReceiveBuffer(bytes: 4096)
        try slow.query("SET application_name = 'slow'")
        try other.query("SET application_name = 'other'")
        var hits = 0
        for size in stride(from: 10_000, to: 40_000, by: 2_000) {
          try slow.send(Frame.query("SELECT repeat('x', \(size))"))
          usleep(10_000)
          try other.send(Frame.query("SELECT 1"))
          if other.isReadable(within: 0.1) {
            hits += 1
            #expect(try other.receiveUntilReady().value == "1")
            try slow.send(Frame.query("SHOW application_name"))
            usleep(10_000)
            #expect(try slow.receiveUntilReady().value?.utf8.count == size)
            #expect(try slow.receiveUntilReady().value == "slow")
          } else {
            #expect(try slow.receiveUntilReady().value?.utf8.count == size)
            #expect(try other.receiveUntilReady().value == "1")
          }
        }
        #expect(hits > 0)
      }
    }
  }
}
