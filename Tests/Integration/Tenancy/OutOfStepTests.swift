import Testing

extension Integration {
  /// Clients that send what no driver sends, so that the pooler's next preamble had no place to go.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct OutOfStep {
    private static let copy = "COPY pile (own, way) FROM STDIN"
    private static let me = "SELECT 'as ' || coalesce(current_setting('app.tenant_id', true), '')"

    /// Where a client stands when it sends a query that has no place there.
    enum Place: String, CaseIterable, Sendable {
      case behindParse, behindFlush, behindExecute, amidCopy, amidCopyOfBatch

      /// What it sends to come there, and how the answer to that ends; nil: with nothing.
      var steps: (bytes: [UInt8], last: Character?) {
        let copy = Frame.parse(OutOfStep.copy) + Frame.bind() + Frame.execute()
        return switch self {
        case .behindParse: (Frame.parse("SELECT 1"), nil)
        case .behindFlush: (Frame.parse("SELECT 1") + Frame.flush, "1")
        case .behindExecute:
          (Frame.parse("SELECT 1") + Frame.bind() + Frame.execute() + Frame.flush, "C")
        case .amidCopy: (Frame.query(OutOfStep.copy), "G")
        case .amidCopyOfBatch: (copy + Frame.flush, "G")
        }
      }
    }

    /// All that comes until the client has been ended, or nothing comes any longer.
    private func rest(_ client: WireClient) throws -> Exchange {
      var exchange = Exchange()
      for _ in 0..<100 {
        guard client.isReadable(within: 2) else { return exchange }
        guard let message = try client.receive() else {
          exchange.isClosed = true
          return exchange
        }
        exchange.messages.append(message)
      }
      return exchange
    }

    @Test(arguments: TenantMode.places)
    func `a query within a batch or a COPY ends its client`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      try mode.withTenants(version, isNamed: false) { sluice in
        for place in Place.allCases {
          for reset in [Frame.query("RESET ALL"), Frame.query("DISCARD ALL")] {
            let client = try sluice.connect(user: "app.t1")
            try client.send(place.steps.bytes)
            if let last = place.steps.last { _ = try client.receive { $0 == last } }
            // The first of them would go to the server without a preamble, and so would the rest.
            try client.send(Frame.query("SELECT 1"))
            for _ in 0..<3 where client.isReadable(within: 0.1) {
              guard try client.receive() != nil else { break }
            }
            try? client.send(reset + Frame.query(Self.me))
            let answer = try rest(client)
            #expect(answer.isClosed, "\(place): \(answer)")
            #expect(!answer.rows.contains { $0 != ["as t1"] }, "\(place): \(answer)")
            client.close()
          }
        }
        let other = try sluice.connect(user: "app.t2")
        #expect(try other.value(Self.me) == "as t2")
        other.terminate()
      }
    }

    /// In one write: what comes first has not been answered.
    @Test(arguments: TenantMode.places)
    func `so do a call within a batch, and a RESET behind bad COPY data`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      try mode.withTenants(version, isNamed: false) { sluice in
        let me = Frame.query(Self.me)
        for (first, last, second) in [
          ([], nil, Frame.parse("SELECT 1") + Frame.functionCall(0, []) + me),
          ([], nil, Frame.parse("SELECT 1") + Frame.query("RESET ALL") + me),
          (Frame.query(Self.copy), "G", Frame.copyData("bad\n") + Frame.query("RESET ALL") + me),
          (Frame.query(Self.copy), "G", Frame.copyData("bad\n") + Frame.extended(Self.me)),
          (Frame.query(Self.copy), "G", Frame.functionCall(0, []) + me),
          ([], nil, Frame.query(Self.copy) + Frame.query("RESET ALL") + me),
        ] as [([UInt8], Character?, [UInt8])] {
          let client = try sluice.connect(user: "app.t1")
          try client.send(first)
          if let last { _ = try client.receive { $0 == last } }
          try client.send(second)
          let answer = try rest(client)
          #expect(answer.isClosed && answer.rows.isEmpty, "\(answer)")
          client.close()
        }
      }
    }

    /// As drivers do it: none of this is out of step.
    @Test(arguments: TenantMode.places)
    func `what drivers send in pieces goes on`(version: PostgresVersion, mode: TenantMode) throws {
      try mode.withTenants(version, isNamed: false) { sluice in
        let client = try sluice.connect(user: "app.t1")
        let row = Frame.copyData("t1\tstep\n")
        for round in 0..<3 {
          try client.send(Frame.parse(Self.me) + Frame.flush)
          _ = try client.receive { $0 == "1" }
          try client.send(Frame.bind() + Frame.execute() + Frame.sync)
          #expect(try client.receiveUntilReady().rows == [["as t1"]])
          try client.send(Frame.parse("SELEC") + Frame.flush)
          _ = try client.receive { $0 == "E" }
          try client.send(Frame.sync)
          #expect(try client.receiveUntilReady().status == "I")
          // COPY as a simple query, as libpq has it in a batch, and all at once.
          try client.send(Frame.query(Self.copy))
          _ = try client.receive { $0 == "G" }
          try client.send(row + row + Frame.copyDone)
          #expect(try client.receiveUntilReady().errors.isEmpty)
          for values in [row, Frame.copyData("bad\n")] {
            try client.send(
              Frame.parse(Self.copy) + Frame.bind() + Frame.describePortal() + Frame.execute()
                + Frame.sync)
            _ = try client.receive { $0 == "G" }
            try client.send(values + Frame.copyDone + Frame.sync)
            let answer = try client.receiveUntilReady()
            #expect(answer.errors.isEmpty == (values == row), "\(answer)")
          }
          try client.send(
            Frame.parse(Self.copy) + Frame.bind() + Frame.execute() + row + Frame.copyDone
              + Frame.sync + Frame.query(Self.me))
          #expect(try client.receiveUntilReady().errors.isEmpty)
          #expect(try client.receiveUntilReady().rows == [["as t1"]])
          // Reset between transactions.
          for sql in ["RESET ALL", "DISCARD ALL"] {
            #expect(try client.query(sql).errors.isEmpty, "\(sql), \(round)")
            #expect(try client.value(Self.me) == "as t1")
          }
        }
        client.terminate()
      }
    }
  }
}
