import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct Streaming {
    private static let megabytes = 50
    /// What resident memory may grow by while a value of 50 MB passes.
    private static let allowedKilobytes = 32 * 1024

    @Test(arguments: PostgresVersion.available)
    func `a value of 50 MB passes both ways in bounded memory`(version: PostgresVersion) throws {
      let size = Self.megabytes << 20
      try withSluice(version) { sluice in
        let client = try sluice.connect()
        #expect(try client.value("SELECT 1") == "1")
        let before = sluice.peakResidentKilobytes

        let row = try client.query("SELECT repeat('x', \(size))")
        #expect(row.messages.first { $0.type == "D" }?.body.count == size + 6)
        let value = [UInt8](repeating: UInt8(ascii: "y"), count: size)
        try client.send(
          Frame.parse("SELECT length($1::text)") + Frame.bind([value]) + Frame.execute()
            + Frame.sync)
        #expect(try client.receiveUntilReady().value == "\(size)")
        try client.send(
          Frame.message(
            "Q",
            Frame.string("SELECT length('").dropLast() + value
              + Frame.string("')")))
        #expect(try client.receiveUntilReady().value == "\(size)")

        if Patience.measuresMemory {
          let growth = sluice.peakResidentKilobytes - before
          #expect(growth < Self.allowedKilobytes, "grew by \(growth) kB")
        }
      }
    }

    /// The reader takes nothing for a while: the server must be stopped, not buffered.
    @Test(arguments: PostgresVersion.available)
    func `a slow reader slows its server and costs no memory`(version: PostgresVersion) throws {
      try withSluice(version) { sluice in
        let slow = try sluice.connect()
        let other = try sluice.connect()
        slow.setReceiveBuffer(bytes: 64 << 10)
        #expect(try other.value("SELECT 1") == "1")
        let before = sluice.peakResidentKilobytes
        try slow.send(Frame.query("SELECT repeat('x', 1000) FROM generate_series(1, 100000)"))
        for number in 0..<50 {
          #expect(try other.value("SELECT \(number)") == "\(number)", "others go on")
          usleep(10_000)
        }
        if Patience.measuresMemory {
          let growth = sluice.peakResidentKilobytes - before
          #expect(growth < Self.allowedKilobytes, "grew by \(growth) kB")
        }
        #expect(try slow.receiveUntilReady().messages.count { $0.type == "D" } == 100_000)
      }
    }

    @Test func `a slow server slows its client and costs no memory`() throws {
      let version = try PostgresVersion.newest
      try PostgresCluster.shared(version).query(
        """
        DROP TABLE IF EXISTS slow; CREATE TABLE slow (a text);
        GRANT ALL ON slow TO app
        """, database: "app")
      try withSluice(version, ["default_pool_size": 2]) { sluice in
        let client = try sluice.connect()
        try client.query("SELECT 1")
        let locker = try PostgresCluster.shared(version).connect(database: "app")
        try locker.query("BEGIN; LOCK TABLE slow")
        let before = sluice.peakResidentKilobytes
        // The server waits for the lock and reads nothing, so the client's bytes must pile up in
        // its own socket.
        try client.send(Frame.query("COPY slow FROM STDIN"))
        let chunk = Frame.copyData(String(repeating: "x", count: 8000) + "\n")
        var sent = 0
        var rest = ArraySlice(chunk)
        let deadline = Deadline(seconds: 3)
        while !deadline.isOver, sent < 100 << 20 {
          let count = try client.sendSome(rest)
          sent += count
          rest = rest.dropFirst(count)
          if rest.isEmpty { rest = ArraySlice(chunk) }
          if count == 0 { usleep(5000) }
        }
        #expect(sent < 64 << 20, "\(sent) bytes were taken for a server that reads nothing")
        if Patience.measuresMemory {
          #expect(sluice.peakResidentKilobytes - before < Self.allowedKilobytes)
        }
        try locker.query("COMMIT")
        try client.send(Array(rest) + Frame.copyDone)
        #expect(try client.receiveUntilReady().status == "I")
      }
    }
  }
}
