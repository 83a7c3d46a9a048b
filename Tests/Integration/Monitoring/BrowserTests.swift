import Foundation
import Testing

extension Integration {
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no dashboard")) struct Browser {
    /// The Python that scripts/install-browser has made; empty: no browser could be had.
    private static let python = getenv("SLUICE_BROWSER").map { String(cString: $0) } ?? ""

    private static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Monitoring")

    /// Tests/Monitoring/README.md tells what it does.
    @Test(.disabled(if: python.isEmpty, "no browser could be had"))
    func `the dashboard draws, updates and tells of trouble, in a browser`() throws {
      let run = try Subprocess.run(
        [Self.python, Self.directory.path + "/browser", "--quick"],
        environment: ["SLUICE_BIN": try SluiceBinary.path()], seconds: 180)
      #expect(run.succeeded, "\(run.standardOutput)\(run.standardError)")
    }
  }
}
