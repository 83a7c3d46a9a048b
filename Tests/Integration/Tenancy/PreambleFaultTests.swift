import Glibc
import Testing

extension Integration {
  /// Every fault in what a server answers to a preamble, one at a time.
  ///
  /// By default: the end of the connection in front of each byte, one changed bit of each byte, and
  /// each message dropped, doubled, displaced, replaced, or preceded by another. With
  /// `SLUICE_FAULTS=all` also a reset and a stall at each byte, each bit of each byte, on each
  /// version.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct PreambleFaults {
    private static let isThorough = getenv("SLUICE_FAULTS").map { String(cString: $0) } == "all"
    private static var versions: [PostgresVersion] {
      isThorough ? PostgresVersion.available : PostgresVersion.available.suffix(1)
    }
    private static let error = Frame.message(
      "E", ["SERROR", "VERROR", "C22023", "Mmade up"].flatMap(Frame.string) + [0])
    /// An error whose fields don't end.
    private static let brokenError = Frame.message("E", Array("SERROR".utf8))
    private static let strays: [[UInt8]] =
      [error, brokenError] + [0x49, 0x54, 0x45].map { Frame.message("Z", [$0]) }
      + ["SET", "COMMIT", "INSERT 0 1"].map { Frame.message("C", Frame.string($0)) } + [
        Frame.message("1", []), Frame.message("2", []), Frame.message("I", []),
        Frame.message(
          "N", ["SNOTICE", "VNOTICE", "C00000", "Mmade up"].flatMap(Frame.string) + [0]),
        Frame.message("S", Frame.string("app.tenant_id") + Frame.string("beta")),
        Frame.message("D", [0, 2] + Frame.int32(1) + [0x78] + Frame.int32(1) + [0x78]),
      ]

    private static func faults(_ answers: [[UInt8]]) -> [Fault] {
      let size = answers.reduce(0) { $0 + $1.count }
      var faults: [Fault] = []
      for offset in 0..<size {
        faults.append(.close(after: offset))
        let bits = isThorough ? Array(0..<8) : [offset % 7]
        faults += bits.map { .flip(at: offset, bits: 1 << UInt8($0)) }
        if isThorough { faults += [.reset(after: offset), .stall(after: offset)] }
      }
      for index in answers.indices {
        faults += [.drop(index), .duplicate(index), .replace(index, []), .swap(index)]
        faults += strays.flatMap { [.replace(index, $0), .insert(index, $0)] }
      }
      // Right behind the preamble's last answer stands the client's own.
      faults += strays.map { .insert(answers.count, $0) }
      return faults
    }

    /// What a client got until the answer's end, the connection's, or until nothing more came.
    private static func answer(_ client: WireClient, within seconds: Double) -> Exchange {
      var exchange = Exchange()
      while client.isReadable(within: seconds) {
        guard let message = try? client.receive() else {
          exchange.isClosed = true
          return exchange
        }
        exchange.messages.append(message)
        if message.type == "Z" { return exchange }
      }
      return exchange
    }

    /// The next client on the same server, of another tenant, until it is served.
    private static func checkNext(_ field: FaultField, _ trial: Int, _ comment: String) throws {
      for attempt in 0..<5 {
        guard let client = try? field.connect("beta") else { continue }
        defer { client.terminate() }
        try client.send(Frame.query(FaultField.insert(trial, "beta")))
        let exchange = Self.answer(client, within: 4)
        let rows = exchange.rows
        #expect(rows.allSatisfy { $0 == ["beta", "beta"] }, "\(comment): \(rows)")
        if exchange.status == "I", rows.count == 1 { return }
        #expect(exchange.status == nil || !exchange.errors.isEmpty, "\(comment): \(exchange)")
        #expect(attempt < 4, "\(comment): nobody is served: \(exchange)")
      }
    }

    /// What the server answers to the preamble without a fault.
    private static func answers(
      _ field: FaultField, _ form: FaultForm, _ tenant: String
    ) throws -> [[UInt8]] {
      try checkNext(field, -1, "before \(form.name)")
      let client = try field.connect(tenant, form.isCombined ? ["DateStyle": "German"] : [:])
      defer { client.terminate() }
      field.relay.arm(.none)
      try client.send(form.bytes(-1, tenant))
      _ = Self.answer(client, within: 1)
      return Array(field.relay.record.prefix(form.answers))
    }

    private static func suffer(
      _ fault: Fault, _ field: FaultField, _ form: FaultForm, _ tenant: String, _ trial: Int
    ) throws {
      let comment = "trial \(trial), \(form.name): \(fault)"
      let client = try field.connect(tenant, form.isCombined ? ["DateStyle": "German"] : [:])
      defer { client.close() }
      field.relay.arm(fault)
      try client.send(form.bytes(trial, tenant))
      let exchange = Self.answer(client, within: Patience.factor * 0.15)
      #expect(field.relay.disarm(), "\(comment): the server was not asked")
      // What its own answer has too much of is no other's.
      for row in exchange.rows where row != ["x", "x"] {
        #expect(row == [tenant, tenant], "\(comment): \(row)")
      }
      client.close()
      try checkNext(field, trial, comment)
    }

    @Test(arguments: versions, FaultForm.all)
    func `nothing runs under another's settings, and nobody is told another's rows`(
      version: PostgresVersion, form: FaultForm
    ) throws {
      try FaultField.run(version) { field in
        let answers = try Self.answers(field, form, "acme")
        #expect(answers.count == form.answers)
        let faults = Self.faults(answers)
        for (trial, fault) in faults.enumerated() {
          try Self.suffer(fault, field, form, "acme", trial)
        }
        #expect(try field.strays() == [])
        #expect(try field.count(of: "beta") >= faults.count)
        let last = try field.connect("acme")
        #expect(try last.query("SELECT 1").value == "1")
      }
    }

    /// The server really refuses, and a fault hides it.
    @Test(arguments: versions, FaultForm.all)
    func `nothing runs behind a refusal that can't be read`(
      version: PostgresVersion, form: FaultForm
    ) throws {
      let tenants: [String: SluiceConfiguration.Section] = ["bad": ["settings.work_mem": "many"]]
      try FaultField.run(version, tenants: tenants) { field in
        let answers = try Self.answers(field, form, "bad")
        #expect(answers.contains { $0[0] == UInt8(ascii: "E") })
        let end = answers.firstIndex { $0[0] == UInt8(ascii: "Z") } ?? answers.count - 1
        let own = Array(answers[...end])
        for (trial, fault) in Self.faults(own).enumerated() {
          try Self.suffer(fault, field, form, "bad", trial)
        }
        #expect(try field.count(of: "bad") == 0)
        #expect(try field.strays() == [])
      }
    }
  }
}
